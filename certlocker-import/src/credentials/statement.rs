//! Assignments as shells write them.

use zeroize::Zeroizing;

/// A name and its value.
pub(super) type Assignment = (String, Zeroizing<String>);

/// The assignments of a line of sh, fish, csh, PowerShell or cmd, with the name of the shell; none
/// if it is no such line.
pub(super) fn assignments(line: &str) -> Option<(&'static str, Vec<Assignment>)> {
    let line = without_prompt(line.trim_start());
    let lower = line.to_ascii_lowercase();
    if lower.starts_with("$env:") {
        return Some(("PowerShell", powershell(line)));
    }
    if let Some(rest) = lower.strip_prefix("set ") {
        let rest = &line[line.len() - rest.len()..];
        return Some(match rest.trim_start().strip_prefix('-') {
            Some(_) => ("fish", pair(rest)),
            None => ("cmd", cmd(rest)),
        });
    }
    for (word, shell) in [("setx ", "cmd"), ("setenv ", "csh")] {
        if lower.starts_with(word) {
            return Some((shell, pair(&line[word.len()..])));
        }
    }
    let exported = [
        "export ",
        "env ",
        "declare -x ",
        "typeset -x ",
        "-e ",
        "--env ",
        "docker run ",
    ]
    .iter()
    .any(|word| lower.starts_with(word));
    let named = line
        .split('=')
        .next()
        .is_some_and(|name| name.starts_with("AWS_") || name.starts_with("OS_"));
    (exported || named).then(|| ("shell", shell(line)))
}

fn without_prompt(line: &str) -> &str {
    if let Some(rest) = line
        .strip_prefix("$ ")
        .or_else(|| line.strip_prefix("# export "))
    {
        return rest.trim_start();
    }
    let drive = line.strip_prefix("PS ").unwrap_or(line);
    match drive.split_once('>') {
        Some((path, rest)) if path.as_bytes().get(1) == Some(&b':') => rest.trim_start(),
        _ => line,
    }
}

fn shell(line: &str) -> Vec<Assignment> {
    words(line)
        .iter()
        .filter_map(|word| assignment(word))
        .collect()
}

fn assignment(word: &str) -> Option<Assignment> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), Zeroizing::new(value.to_owned())))
}

/// `NAME VALUE` after flags.
fn pair(rest: &str) -> Vec<Assignment> {
    let mut words = words(rest)
        .into_iter()
        .skip_while(|word| word.starts_with('-'));
    match (words.next(), words.next()) {
        (Some(name), Some(value)) => vec![((*name).clone(), value)],
        _ => Vec::new(),
    }
}

/// cmd knows no quotes: everything up to the end of the line is the value.
fn cmd(rest: &str) -> Vec<Assignment> {
    let rest = rest.trim_start();
    let inside = rest
        .strip_prefix('"')
        .and_then(|inside| inside.trim_end().strip_suffix('"'))
        .unwrap_or(rest);
    assignment(inside).into_iter().collect()
}

fn powershell(line: &str) -> Vec<Assignment> {
    line.split(';')
        .filter_map(|statement| {
            let statement = statement.trim();
            let (scope, rest) = statement.split_once(':')?;
            if !scope.eq_ignore_ascii_case("$env") {
                return None;
            }
            let (name, value) = rest.split_once('=')?;
            let value = unquoted(value.trim());
            Some((name.trim().to_owned(), Zeroizing::new(value.to_owned())))
        })
        .collect()
}

/// A value without the quotes around it.
pub(super) fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inside) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inside;
        }
    }
    value
}

/// The words of a line by the rules of sh: quotes, backslashes, comments; `;` and `&` end a word.
fn words(line: &str) -> Vec<Zeroizing<String>> {
    let mut words = Vec::new();
    let mut word: Option<Zeroizing<String>> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | ';' | '&' => words.extend(word.take()),
            '#' if word.is_none() => break,
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                quoted(&mut characters, character, word);
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn quoted(characters: &mut std::str::Chars<'_>, quote: char, word: &mut String) {
    while let Some(character) = characters.next() {
        match character {
            end if end == quote => return,
            '\\' if quote == '"' => word.extend(characters.next()),
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_says_the_same_in_its_own_way() {
        for line in [
            "export AWS_X=a/b+c=",
            "$ export AWS_X='a/b+c='; echo",
            "AWS_X=\"a/b+c=\" # mine",
            "env AWS_X=a/b+c= aws sts get-caller-identity",
            "declare -x AWS_X=\"a/b+c=\"",
            "-e AWS_X=a/b+c= \\",
            "set -gx AWS_X a/b+c=",
            "setenv AWS_X 'a/b+c='",
            "$Env:AWS_X = \"a/b+c=\"",
            "PS C:\\> $env:AWS_X='a/b+c='",
            "SET AWS_X=a/b+c=",
            "C:\\>set \"AWS_X=a/b+c=\"",
            "setx AWS_X \"a/b+c=\"",
        ] {
            let (_, found) = assignments(line).expect(line);
            assert_eq!(found[0].0, "AWS_X", "{line}");
            assert_eq!(found[0].1.as_str(), "a/b+c=", "{line}");
        }
        assert!(assignments("aws_x = y").is_none());
    }

    #[test]
    fn one_line_may_assign_several() {
        let (_, found) = assignments("export AWS_A=1 AWS_B=2 && export AWS_C=3").unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["AWS_A", "AWS_B", "AWS_C"]);
    }
}
