//! The settings as lines that a person types, for a machine whose settings no medium brings.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use toml::{Table, Value};

use super::settings::{Prefix, Settings, named};
use crate::gauge::Text;

/// What stands in a line, entries apart by blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Prefixes,
    Address,
    Addresses,
    Hosts,
    Ports,
    Sockets,
}

/// Where its value belongs: a key of the file, of one of its tables, or of a network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Top(&'static str),
    Under(&'static str, &'static str),
    Card(usize, &'static str),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is, for people.
    pub name: Text,
    /// What is typed.
    pub value: String,
    /// How such a value looks.
    pub example: &'static str,
    kind: Kind,
    place: Place,
}

/// All lines, and what no line is for: that stays as it was.
#[derive(Clone, Debug)]
pub struct Form {
    file: Table,
    fields: Vec<Field>,
}

impl Form {
    /// The form of a file's text; without one, of a machine with these cards.
    ///
    /// # Errors
    /// When the text is none of settings.
    pub fn open(text: Option<&str>, cards: &[String]) -> Result<Self, String> {
        let mut file: Table = match text {
            Some(text) => {
                Settings::read(text)?;
                text.parse()
                    .map_err(|error: toml::de::Error| error.to_string())?
            }
            None => Table::new(),
        };
        if !file.contains_key("network") {
            let card =
                |mac: &String| Value::Table(Table::from_iter([("mac".to_owned(), text_of(mac))]));
            file.insert(
                "network".to_owned(),
                Value::Array(cards.iter().map(card).collect()),
            );
        }
        let mut form = Self {
            file,
            fields: Vec::new(),
        };
        form.lay_out();
        Ok(form)
    }

    fn lay_out(&mut self) {
        use Kind::{Address, Addresses, Hosts, Name, Ports, Prefixes, Sockets};
        self.line(
            "Tên máy",
            "Host name",
            "mcbm-01",
            Name,
            Place::Top("hostname"),
        );
        for (at, mac) in self.cards().into_iter().enumerate() {
            let (vi, en) = (
                format!("Địa chỉ, cổng {mac}"),
                format!("Addresses, card {mac}"),
            );
            self.line(
                &vi,
                &en,
                "10.64.3.9/24",
                Prefixes,
                Place::Card(at, "addresses"),
            );
            let (vi, en) = ("Cổng ra của mạng này", "Its gateway, or empty");
            self.line(vi, en, "10.64.3.1", Address, Place::Card(at, "gateway"));
        }
        #[rustfmt::skip] // A table.
        let lines = [
            ("Máy chủ tên miền", "Name servers", "10.64.3.53", Addresses, Place::Under("names", "resolvers")),
            ("Tên đặt sẵn", "Fixed names", "hub.example=10.64.1.20", Hosts, Place::Under("names", "hosts")),
            ("Máy chủ giờ NTP", "Time servers (NTP)", "10.64.3.123", Addresses, Place::Under("clock", "servers")),
            ("Phần mềm gọi từ", "Software calls from", "10.64.4.0/24", Prefixes, Place::Under("software", "from")),
            ("Cổng cho phần mềm", "Ports for software", "443", Ports, Place::Under("software", "ports")),
            ("Người vận hành từ", "Operators ask from", "10.64.5.7/32", Prefixes, Place::Under("operators", "from")),
            ("Cổng vận hành", "Ports for operators", "9443", Ports, Place::Under("operators", "ports")),
            ("Máy được gọi tới", "It may call", "10.64.1.20:8443", Sockets, Place::Under("peers", "to")),
        ];
        for (vi, en, example, kind, place) in lines {
            self.line(vi, en, example, kind, place);
        }
    }

    fn line(&mut self, vi: &str, en: &str, example: &'static str, kind: Kind, place: Place) {
        let value = self.value(place).map_or_else(String::new, typed);
        self.fields.push(Field {
            name: Text::new(vi, en),
            value,
            example,
            kind,
            place,
        });
    }

    fn cards(&self) -> Vec<String> {
        let cards = self.file.get("network").and_then(Value::as_array);
        let mac = |card: &Value| card.get("mac").and_then(Value::as_str).map(str::to_owned);
        cards.into_iter().flatten().filter_map(mac).collect()
    }

    fn value(&self, place: Place) -> Option<&Value> {
        match place {
            Place::Top(key) => self.file.get(key),
            Place::Under(table, key) => self.file.get(table)?.get(key),
            Place::Card(at, key) => self.file.get("network")?.get(at)?.get(key),
        }
    }

    /// The lines, in the order in which they are typed.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Takes a line's value.
    ///
    /// # Errors
    /// What is wrong with it; the line stays as it was.
    pub fn set(&mut self, at: usize, value: &str) -> Result<(), Text> {
        let field = &mut self.fields[at];
        read(field.kind, value).map_err(|entry| {
            let example = field.example;
            Text::new(
                format!("{entry:?} không đúng; viết như: {example}"),
                format!("{entry:?} is not right; wanted like: {example}"),
            )
        })?;
        field.value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(())
    }

    /// The whole file, judged.
    ///
    /// # Errors
    /// What does not go together.
    pub fn text(&self) -> Result<String, String> {
        let mut file = self.file.clone();
        for field in &self.fields {
            let value = read(field.kind, &field.value).map_err(|entry| format!("{entry:?}"))?;
            let table = match field.place {
                Place::Top(_) => Some(&mut file),
                Place::Under(table, _) => file
                    .entry(table)
                    .or_insert_with(|| Value::Table(Table::new()))
                    .as_table_mut(),
                Place::Card(at, _) => file
                    .get_mut("network")
                    .and_then(|cards| cards.get_mut(at))
                    .and_then(Value::as_table_mut),
            };
            let (Place::Top(key) | Place::Under(_, key) | Place::Card(_, key)) = field.place;
            match (table, value) {
                (Some(table), Some(value)) => drop(table.insert(key.to_owned(), value)),
                (Some(table), None) => drop(table.remove(key)),
                (None, _) => {}
            }
        }
        // A card that gets no address is not used.
        if let Some(cards) = file.get_mut("network").and_then(Value::as_array_mut) {
            cards.retain(|card| {
                let addresses = card.get("addresses").and_then(Value::as_array);
                addresses.is_some_and(|all| !all.is_empty())
            });
        }
        let text = file.to_string();
        Settings::read(&text)?;
        Ok(text)
    }
}

fn text_of(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// A value as it is typed.
fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(typed).collect::<Vec<_>>().join(" "),
        Value::Table(all) => {
            let pairs = all.iter().map(|(name, at)| format!("{name}={}", typed(at)));
            pairs.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// What was typed as a value of the file; none of an empty line that may be empty. The error is the entry that is wrong.
fn read(kind: Kind, typed: &str) -> Result<Option<Value>, String> {
    let typed = typed.trim();
    let list = |of: fn(&str) -> Option<Value>| {
        let entries = typed.split_whitespace();
        let values = entries.map(|entry| of(entry).ok_or_else(|| entry.to_owned()));
        Ok(Some(Value::Array(values.collect::<Result<_, _>>()?)))
    };
    match kind {
        Kind::Name => match named(typed, "hostname") {
            Ok(()) => Ok(Some(text_of(typed))),
            Err(_) => Err(typed.to_owned()),
        },
        Kind::Address if typed.is_empty() => Ok(None),
        Kind::Address => match as_it_is::<IpAddr>(typed) {
            Some(value) => Ok(Some(value)),
            None => Err(typed.to_owned()),
        },
        Kind::Prefixes => list(as_it_is::<Prefix>),
        Kind::Addresses => list(as_it_is::<IpAddr>),
        Kind::Sockets => list(as_it_is::<SocketAddr>),
        Kind::Ports => list(|entry| {
            let port: u16 = entry.parse().ok().filter(|port| *port > 0)?;
            Some(Value::Integer(i64::from(port)))
        }),
        Kind::Hosts => {
            let mut hosts = Table::new();
            for entry in typed.split_whitespace() {
                let pair = entry.split_once('=');
                let pair = pair.and_then(|(name, at)| {
                    named(name, "hosts").ok()?;
                    Some((name.to_owned(), as_it_is::<IpAddr>(at)?))
                });
                let (name, at) = pair.ok_or_else(|| entry.to_owned())?;
                hosts.insert(name, at);
            }
            Ok(Some(Value::Table(hosts)))
        }
    }
}

fn as_it_is<T: FromStr>(entry: &str) -> Option<Value> {
    entry.parse::<T>().ok().map(|_| text_of(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../image/settings.toml");

    fn at(form: &Form, en: &str) -> usize {
        let mut fields = form.fields().iter();
        fields
            .position(|field| field.name.en.starts_with(en))
            .unwrap()
    }

    #[test]
    fn what_is_not_changed_stays_and_what_is_typed_is_judged_at_once() {
        let more = format!("{SAMPLE}\n[update]\nurl = \"https://updates.example/x\"\n");
        let mut form = Form::open(Some(&more), &[]).unwrap();
        let same = Settings::read(&form.text().unwrap()).unwrap();
        assert_eq!(
            format!("{same:?}"),
            format!("{:?}", Settings::read(&more).unwrap())
        );
        let addresses = at(&form, "Addresses");
        assert_eq!(form.fields()[addresses].value, "192.0.2.10/24");
        for wrong in ["192.0.2.10", "192.0.2.10/33", "192.0.2.9/24 x"] {
            let why = form.set(addresses, wrong).unwrap_err();
            assert!(
                why.vi.contains("không đúng; viết như: 10.64.3.9/24"),
                "{why:?}"
            );
        }
        form.set(addresses, "  198.51.100.7/24   2001:db8::7/64 ")
            .unwrap();
        form.set(at(&form, "Its gateway"), "").unwrap();
        form.set(at(&form, "Fixed names"), "hub.example=198.51.100.20")
            .unwrap();
        let settings = Settings::read(&form.text().unwrap()).unwrap();
        let card = &settings.network[0];
        assert_eq!(card.addresses.len(), 2);
        assert_eq!(
            (card.gateway, card.mac.as_str()),
            (None, "52:54:00:12:34:56")
        );
        assert_eq!(
            settings.names.hosts["hub.example"].to_string(),
            "198.51.100.20"
        );
        assert_eq!(
            settings.update.url.as_deref(),
            Some("https://updates.example/x")
        );
        for (en, wrong) in [
            ("Host name", "-x"),
            ("Ports for software", "0"),
            ("Ports for software", "70000"),
            ("It may call", "192.0.2.20"),
            ("Fixed names", "hub.example"),
            ("Its gateway", "192.0.2.1/24"),
        ] {
            form.set(at(&form, en), wrong).unwrap_err();
        }
    }

    #[test]
    fn a_machine_without_settings_gets_all_of_them() {
        let cards = [
            "52:54:00:12:34:56".to_owned(),
            "52:54:00:12:34:57".to_owned(),
        ];
        let mut form = Form::open(None, &cards).unwrap();
        let none = form.text().unwrap_err();
        assert_eq!(none, "\"\"", "the machine has no name yet");
        form.set(0, "mcbm-01").unwrap();
        let none = form.text().unwrap_err();
        assert!(none.contains("no address"), "{none}");
        form.set(3, "10.64.3.9/24").unwrap();
        let settings = Settings::read(&form.text().unwrap()).unwrap();
        assert_eq!(settings.network.len(), 1);
        assert_eq!(settings.network[0].mac, cards[1]);
        form.set(at(&form, "Software"), "10.64.4.0/24").unwrap();
        assert!(
            form.text()
                .unwrap_err()
                .contains("from and ports go together")
        );
    }

    #[test]
    fn a_file_that_is_none_is_not_written_over_without_a_word() {
        assert!(Form::open(Some("hostname = 1"), &[]).is_err());
    }
}
