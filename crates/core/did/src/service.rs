//! Services of a DID document (DID Core §5.4): where its subject can be reached.

use crate::Did;
use legation_keys::Json;
use serde_json::{Value, json};

/// A service, as far as its endpoints are URLs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) endpoints: Vec<String>,
}

impl Service {
    /// Reads a service of this DID. `None` where it has no `id`, no `type`, or no URL among its endpoints: a map
    /// as an endpoint means something to its own kind of service only.
    pub(crate) fn read(did: &Did, json: &Json<'_>) -> Option<Self> {
        let id = did.resolve(json.get("id")?.as_str()?);
        let (kinds, endpoints) = (texts(json.get("type")?), texts(json.get("serviceEndpoint")?));
        let whole = !kinds.is_empty() && !endpoints.is_empty();
        whole.then_some(Self { id, kinds, endpoints })
    }

    pub(crate) fn to_json(&self) -> Value {
        let one_or_several = |texts: &[String]| match texts {
            [one] => json!(one),
            several => json!(several),
        };
        let (kind, endpoint) = (one_or_several(&self.kinds), one_or_several(&self.endpoints));
        json!({"id": self.id, "type": kind, "serviceEndpoint": endpoint})
    }
}

/// A text, or the texts of a set.
fn texts(json: &Json<'_>) -> Vec<String> {
    let several = json.as_array().unwrap_or_else(|| core::slice::from_ref(json));
    several.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::Document;

    #[test]
    fn a_service_is_read_as_it_was_written() {
        let mut document = Document::new("did:web:a.example".parse().unwrap());
        document.add_service("did:web:a.example#a2a".into(), "A2A".into(), "https://b.example/a2a".into());
        let again = Document::parse(document.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(again, document);
        assert_eq!(again.service_endpoints().collect::<Vec<_>>(), ["https://b.example/a2a"]);
    }

    #[test]
    fn two_endpoints_of_one_id_are_one_service() {
        let mut document = Document::new("did:web:a.example".parse().unwrap());
        for endpoint in ["https://b.example/", "https://c.example/", "https://b.example/"] {
            document.add_service("did:web:a.example#a2a".into(), "a2a".into(), endpoint.into());
        }
        let json = document.to_json();
        assert_eq!(
            json["service"],
            serde_json::json!([{"id": "did:web:a.example#a2a", "type": "a2a",
                "serviceEndpoint": ["https://b.example/", "https://c.example/"]}])
        );
        assert_eq!(Document::parse(json.to_string().as_bytes()).unwrap(), document);
    }

    #[test]
    fn other_names_are_read_as_they_were_written_and_what_is_no_text_is_left_out() {
        let mut document = Document::new("did:web:a.example".parse().unwrap());
        for name in ["did:web:b.example", "https://a.example/", "did:web:b.example"] {
            document.add_also_known_as(name.into());
        }
        let again = Document::parse(document.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(again, document);
        assert_eq!(again.also_known_as().collect::<Vec<_>>(), ["did:web:b.example", "https://a.example/"]);
        for odd in [r#"["did:web:b.example",7,{}]"#, r#""did:web:b.example""#, "null"] {
            let text = format!(r#"{{"id":"did:web:a.example","alsoKnownAs":{odd}}}"#);
            assert!(Document::parse(text.as_bytes()).unwrap().also_known_as().count() < 2, "{odd}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_gives_none_and_does_no_harm() {
        let text = r##"{"id":"did:web:a.example","service":[
            {"id":"#1","type":"A","serviceEndpoint":["https://b.example",{"uri":"https://x.example"}]},
            {"id":"#2","type":"B","serviceEndpoint":{"origins":["https://y.example"]}},
            {"id":"#3","serviceEndpoint":"https://z.example"},
            {"id":"#4","type":["A","B"],"serviceEndpoint":"https://w.example"}, 7]}"##;
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(
            document.service_endpoints().collect::<Vec<_>>(),
            ["https://b.example", "https://w.example"]
        );
    }
}
