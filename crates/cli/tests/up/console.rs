//! The console beside the administration, and without it.

use crate::{
    common::Play,
    running::{Up, raw},
};

#[test]
fn a_console_that_is_switched_off_is_not_served_and_the_administration_is() {
    for (more, there) in [(&[][..], true), (&["--no-console"], false)] {
        let play = Play::new();
        let up = Up::dev(&play, more, &[]);
        let get = |path: &str| raw(up.admin, "GET", path, "", "").unwrap();
        for path in [
            "/console",
            "/console/sign-in",
            "/console/style.css",
            "/console/live.js",
            "/console/decisions/live",
        ] {
            let (status, told) = get(path);
            assert_eq!(status == 404, !there, "{path} {status}: {told}");
        }
        let typed =
            raw(up.admin, "POST", "/console/sign-in", "sec-fetch-site: same-origin\r\n", "code=x").unwrap();
        assert_eq!(typed.0 == 404, !there, "{typed:?}");
        assert_eq!(get("/openapi.json").0, 200);
        assert_eq!(get("/v1/agents").0, 401);
        assert_eq!(get("/readyz").0, 200);
        // No code is made that nobody could type.
        let said = play.read(&format!("up-{}.err", up.port));
        assert_eq!(said.contains("console: "), there, "{said}");
    }
}
