//! `legation-bindgen MODULE.wasm FOLDER`: writes the JavaScript that loads a module, for `web`, which all others can be loaded as.

use std::{env, error::Error, fs, path::PathBuf};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: legation-bindgen MODULE.wasm FOLDER".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("legation")
        .web(true)?
        // What is to be called is typed in `index.d.ts`.
        .typescript(false)
        .remove_producers_section(true);
    bindgen.generate(&folder)?;
    // The comments of what nobody calls by itself are a fifth of it.
    let script = folder.join("legation.js");
    let written = fs::read_to_string(&script)?;
    let is_comment =
        |line: &str| ["/**", "* ", "*/", "//"].iter().any(|begin| line.starts_with(begin)) || line == "*";
    let kept: Vec<&str> = written.lines().filter(|line| !is_comment(line.trim_start())).collect();
    Ok(fs::write(script, kept.join("\n") + "\n")?)
}
