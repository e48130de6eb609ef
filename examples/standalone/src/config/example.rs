//! The commented configuration file that lists every setting.

use super::draft::split;
use super::table::{Preset, Setting, TABLE};
use super::value::Form;

/// A configuration file with every setting at its default, each commented out and explained.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for setting in TABLE {
        if setting.section != section {
            section = setting.section;
            text.push_str(&format!("\n\n## {section}\n"));
        }
        text.push('\n');
        text.push_str(&paragraph(&setting.doc()));
        text.push_str(&format!("# {}\n", note(setting)));
        text.push_str(&format!("#{} = {}\n", setting.key(), value(setting)));
    }
    text
}

const HEAD: &str = "\
# Every setting of certlocker. A line that is commented out shows the default, or an example where
# there is none. Environment variables win over this file, and flags over both: `data-dir` here is
# CERTLOCKER_DATA_DIR and --data-dir. Relative paths start from the working directory.
# `certlocker config check` shows each value and where it came from.
";

const WIDTH: usize = 98;

fn paragraph(doc: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in doc.split(' ') {
        let line = lines.last_mut().expect("starts with one line");
        match line.len() + 1 + word.len() > WIDTH {
            true => lines.push(format!("# {word}")),
            false => line.push_str(&format!(" {word}")),
        }
    }
    lines.join("\n") + "\n"
}

fn note(setting: &Setting) -> String {
    match setting.preset {
        Preset::Text(_) => format!("({})", setting.variable()),
        Preset::Derived { rule, .. } => format!("({}; default: {rule})", setting.variable()),
        Preset::Unset { .. } => format!("({}; not set by default)", setting.variable()),
    }
}

fn value(setting: &Setting) -> String {
    let text = match setting.preset {
        Preset::Text(text) => text.to_owned(),
        Preset::Unset { example } => example.to_owned(),
        Preset::Derived { from, .. } => {
            from(&super::Draft::of_presets()).expect("the defaults derive; a test says so")
        }
    };
    match setting.form {
        Form::Number | Form::Switch => text,
        Form::Text => quoted(&text),
        Form::List => {
            let parts: Vec<String> = split(setting, &text)
                .iter()
                .map(|part| quoted(part))
                .collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigFile, Sources, load};
    use super::*;

    fn file(text: String) -> Sources {
        let file = ConfigFile {
            path: "certlocker.toml".into(),
            text,
        };
        Sources {
            file: Some(file),
            ..Sources::default()
        }
    }

    #[test]
    fn the_file_beside_the_server_is_the_example() {
        let kept = include_str!("../../certlocker.toml");
        assert!(
            kept == example(),
            "run `cargo run -p certlocker -- config example > examples/standalone/certlocker.toml`"
        );
    }

    #[test]
    fn the_example_as_it_stands_sets_nothing() {
        let loaded = load(&file(example())).unwrap();
        assert!(
            loaded
                .entries
                .iter()
                .all(|entry| entry.origin.kind() == "default")
        );
    }

    #[test]
    fn the_example_with_every_setting_uncommented_is_valid_and_says_the_defaults() {
        let text = example();
        let bare = text.lines().filter_map(|line| line.strip_prefix('#'));
        let settings: Vec<_> = bare.filter(|line| !line.starts_with([' ', '#'])).collect();
        let defaults = load(&Sources::default()).unwrap();
        assert_eq!(settings.len(), TABLE.len());
        let here = |name: &str| cfg!(feature = "oidc") || !name.starts_with("oidc");
        let settings: Vec<_> = settings.into_iter().filter(|line| here(line)).collect();
        let loaded = load(&file(settings.join("\n"))).unwrap();
        for (setting, (set, default)) in TABLE
            .iter()
            .zip(loaded.entries.iter().zip(&defaults.entries))
            .filter(|(setting, _)| here(setting.field))
        {
            assert_eq!(set.origin.kind(), "file", "{}", setting.field);
            if !matches!(setting.preset, Preset::Unset { .. }) {
                assert_eq!(set.texts, default.texts, "{}", setting.field);
            }
        }
    }
}
