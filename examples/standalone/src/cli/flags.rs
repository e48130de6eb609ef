//! The flags that the table of settings makes.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{Entry, Form, Origin, Preset, Reach, Setting, TABLE, split};

/// Settings that every command takes, as far as they were said.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "any entries are valid")]
pub struct EveryFlag(pub Vec<Entry>);

/// Settings of the server, as far as they were said.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "any entries are valid")]
pub struct ServerFlag(pub Vec<Entry>);

/// Lets clap read flags from the rows of one reach.
macro_rules! flags_of {
    ($flags:ident, $reach:expr) => {
        impl Args for $flags {
            fn augment_args(command: Command) -> Command {
                command.args(rows($reach).map(arg))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $flags {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(
                    rows($reach).filter_map(|row| entry(row, matches)).collect(),
                ))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

flags_of!(EveryFlag, Reach::Everywhere);
flags_of!(ServerFlag, Reach::Server);

fn rows(reach: Reach) -> impl Iterator<Item = &'static Setting> {
    TABLE.iter().filter(move |row| row.reach == reach)
}

fn arg(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.field)
        .long(setting.key())
        .value_name(setting.placeholder)
        .help(help(setting))
        .help_heading(setting.section)
        .global(setting.reach == Reach::Everywhere);
    match setting.form {
        Form::List => arg.action(ArgAction::Append),
        Form::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg,
    }
}

fn help(setting: &Setting) -> StyledStr {
    let doc = setting.doc();
    match (setting.form, setting.preset) {
        (Form::Switch, _) | (_, Preset::Unset { .. }) => doc.into(),
        (_, Preset::Text(text)) => format!("{doc} [default: {text}]").into(),
        (_, Preset::Derived { rule, .. }) => format!("{doc} [default: {rule}]").into(),
    }
}

fn entry(setting: &'static Setting, matches: &ArgMatches) -> Option<Entry> {
    let texts = matches.get_many::<String>(setting.field)?;
    Some(Entry {
        field: setting.field,
        origin: Origin::Flag(setting.flag()),
        texts: texts.flat_map(|text| split(setting, text)).collect(),
    })
}
