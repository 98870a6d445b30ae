//! JSON as Gson writes it by default: safe to stand in HTML.

use std::fmt::Write;

/// A flat object without spaces, in the given order.
pub(in crate::vxp) fn object<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut json = String::from("{");
    for (name, value) in pairs {
        if json.len() > 1 {
            json.push(',');
        }
        string(&mut json, name);
        json.push(':');
        string(&mut json, value);
    }
    json.push('}');
    json
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String can't fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_html_would_misread_is_escaped() {
        let json = super::object([("a", "x=<'&'>\"\\\n"), ("b", "Đà Nẵng")]);
        assert_eq!(
            json,
            r#"{"a":"x\u003d\u003c\u0027\u0026\u0027\u003e\"\\\n","b":"Đà Nẵng"}"#
        );
        let back: std::collections::BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
        assert_eq!(back["a"], "x=<'&'>\"\\\n");
    }
}
