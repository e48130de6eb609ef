use certlocker_import::credentials::{AwsSecretSource, NoteKind, RoleBase, aws, aws_environment};

use crate::{problem, shown};

const ID: &str = "AKIAQWERTYUIOPASDFGH";
const TEMPORARY: &str = "ASIAQWERTYUIOPASDFGH";
const SECRET: &str = "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";
const TOKEN: &str = "canaryIQoJb3JpZ2luX2VjEHoaCXVzLWVhc3QtMSJHMEUCIQDcanaryIQoJb3JpZ2luX2VjEHoaCXVzLWVhc3QtMSJHMEUCIQD+/x==";

fn filled(text: &str) -> String {
    text.replace("{id}", ID)
        .replace("{tmp}", TEMPORARY)
        .replace("{secret}", SECRET)
        .replace("{token}", TOKEN)
}

/// Name, form, identifier and whether there is a token, for each key of a text.
fn keys(bytes: &[u8]) -> Vec<(String, &'static str, String, bool)> {
    let reading = aws(bytes);
    assert!(!shown(&reading).contains("canary"), "{}", shown(&reading));
    reading
        .found
        .iter()
        .filter_map(|found| match &found.value.source {
            AwsSecretSource::Keys(key) => {
                assert_eq!(key.secret.expose(), SECRET.as_bytes(), "{}", found.name);
                if let Some(token) = &key.session_token {
                    assert_eq!(token.expose(), TOKEN.as_bytes());
                }
                let token = key.session_token.is_some();
                Some((found.name.clone(), found.read_as, key.id.clone(), token))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn every_form_gives_the_same_key() {
    for (form, name, text) in [
        (
            "profile",
            "default",
            "[default]\naws_access_key_id = {id}\naws_secret_access_key={secret}\n",
        ),
        (
            "profile",
            "x y",
            "[profile \"x y\"]\r\nAWS_ACCESS_KEY_ID={id}\r\naws_secret_access_key = \"{secret}\"\r\n",
        ),
        (
            "profile",
            "123456789012_Admin",
            "[123456789012_Admin]\naws_access_key_id={id}\naws_secret_access_key={secret}",
        ),
        (
            "shell",
            ID,
            "export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY='{secret}'\nexport AWS_DEFAULT_REGION=eu-west-1",
        ),
        (
            "shell",
            ID,
            "$ export AWS_ACCESS_KEY_ID=\"{id}\" AWS_SECRET_ACCESS_KEY=\"{secret}\"; aws s3 ls",
        ),
        (
            "shell",
            ID,
            "docker run -e AWS_ACCESS_KEY_ID={id} -e AWS_SECRET_ACCESS_KEY={secret} x",
        ),
        (
            "fish",
            ID,
            "set -x AWS_ACCESS_KEY_ID {id}\nset -x AWS_SECRET_ACCESS_KEY {secret}",
        ),
        (
            "csh",
            ID,
            "setenv AWS_ACCESS_KEY_ID {id}\nsetenv AWS_SECRET_ACCESS_KEY {secret}",
        ),
        (
            "PowerShell",
            ID,
            "$Env:AWS_ACCESS_KEY_ID=\"{id}\"\r\n$env:AWS_SECRET_ACCESS_KEY = '{secret}'",
        ),
        (
            "cmd",
            ID,
            "SET AWS_ACCESS_KEY_ID={id}\r\nset AWS_SECRET_ACCESS_KEY={secret} \r\n",
        ),
        (
            "console CSV",
            ID,
            "\u{feff}Access key ID,Secret access key\r\n{id},{secret}\r\n",
        ),
        (
            "console CSV",
            "jo",
            "User name,Password,Access key ID,Secret access key,Console login link\r\njo,\"a,\"\"b\",{id},{secret},https://x\r\n",
        ),
        (
            "labelled values",
            ID,
            "AWSAccessKeyId={id}\nAWSSecretKey={secret}\n",
        ),
        (
            "labelled values",
            ID,
            "Access key: {id}\nSecret access key: {secret}",
        ),
        (
            "labelled values",
            ID,
            "AccessKeyId\t{id}\nSecretAccessKey\t{secret}",
        ),
        (
            "labelled values",
            ID,
            "||  AccessKeyId     |  {id}  ||\n||  SecretAccessKey |  {secret}  ||",
        ),
        (
            "labelled values",
            ID,
            "access_key = \"{id}\"\nsecret_key = \"{secret}\"\n",
        ),
        (
            "JSON",
            ID,
            "{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}",
        ),
        (
            "JSON",
            "jo",
            "{\"AccessKey\":{\"UserName\":\"jo\",\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\"Status\":\"Active\"}}",
        ),
        ("bare values", ID, "{id} {secret}"),
        ("bare values", ID, "{id}:{secret}"),
        ("bare values", ID, "{id}\n{secret}\n"),
    ] {
        let expected = (name.to_owned(), form, ID.to_owned(), false);
        assert_eq!(keys(filled(text).as_bytes()), [expected], "{text}");
    }
}

#[test]
fn every_form_of_a_temporary_key_has_its_token() {
    for text in [
        "[default]\naws_access_key_id={tmp}\naws_secret_access_key={secret}\naws_security_token={token}",
        "{\"Credentials\":{\"AccessKeyId\":\"{tmp}\",\n\"SecretAccessKey\":\"{secret}\",\"SessionToken\":\"{token}\",\"Expiration\":\"2027-01-01T00:00:00+00:00\"}}",
        "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"{tmp}\",\"SecretAccessKey\":\"{secret}\",\"Token\":\"{token}\",\"Expiration\":\"2027-01-01T00:00:00Z\"}",
        "{\"roleCredentials\":{\"accessKeyId\":\"{tmp}\",\"secretAccessKey\":\"{secret}\",\"sessionToken\":\"{token}\",\"expiration\":1798761600000}}",
        "CREDENTIALS\t{tmp}\t2027-01-01T00:00:00Z\t{secret}\t{token}",
        "{tmp}\n{secret}\n{token}",
    ] {
        let found = keys(filled(text).as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        assert!(found[0].3, "{text}");
    }
}

#[test]
fn a_token_that_mail_broke_into_lines_is_whole_again() {
    let (head, tail) = TOKEN.split_at(60);
    let text = filled(&format!(
        "aws_access_key_id={{tmp}}\naws_secret_access_key={{secret}}\naws_session_token={head}\n{tail}\n"
    ));
    assert!(keys(text.as_bytes())[0].3);
}

#[test]
fn utf16_of_a_console_and_invisible_blanks_do_not_matter() {
    let text = filled(
        "\u{feff}[default]\r\naws_access_key_id\u{a0}= {id}\u{200b}\r\naws_secret_access_key = {secret}\r\n",
    );
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(keys(&utf16).len(), 1);
    assert_eq!(keys(text.as_bytes()).len(), 1);
}

#[test]
fn two_identities_of_one_text_are_both_listed() {
    let text = filled(
        "{id} {secret}\nAKIAZZZZZZZZZZZZZZZZ {secret}\n[a]\naws_access_key_id={id}\naws_secret_access_key={secret}",
    );
    let names: Vec<String> = keys(text.as_bytes()).into_iter().map(|key| key.0).collect();
    assert_eq!(names, [ID, "AKIAZZZZZZZZZZZZZZZZ", "a"]);
}

#[test]
fn a_config_file_goes_with_its_credentials_file() {
    let text = filled(
        "[base]\naws_access_key_id={id}\naws_secret_access_key={secret}\n\
         [profile deploy]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n\
         external_id = abc\nregion = eu-west-1\nduration_seconds = 3600\noutput = json\ns3 =\n  max_queue_size = 10\n\
         [sso-session corp]\nsso_region = us-east-1\n",
    );
    let reading = aws(text.as_bytes());
    let deploy = reading.named("deploy").unwrap();
    assert_eq!(deploy.region.as_deref(), Some("eu-west-1"));
    let AwsSecretSource::Role {
        base: RoleBase::Profile(base),
        external_id,
        duration_seconds,
        ..
    } = &deploy.source
    else {
        panic!("{deploy:?}");
    };
    assert_eq!(
        (base.as_str(), external_id.as_deref(), *duration_seconds),
        ("base", Some("abc"), Some(3600))
    );
    let ignored: Vec<usize> = reading.notes.iter().map(|note| note.line).collect();
    assert_eq!(ignored, [10, 11, 12, 13], "{:?}", reading.notes);
    assert!(!reading.has_problems());
}

#[test]
fn a_role_may_be_assumed_with_the_keys_beside_it_or_by_the_machine() {
    let text = filled(
        "[a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=a\naws_access_key_id={id}\naws_secret_access_key={secret}\n\
         [b]\nrole_arn=arn:aws:iam::1:role/b\ncredential_source=Ec2InstanceMetadata",
    );
    let reading = aws(text.as_bytes());
    let base = |name| match &reading.named(name).unwrap().source {
        AwsSecretSource::Role { base, .. } => base,
        other => panic!("{other:?}"),
    };
    assert!(matches!(base("a"), RoleBase::Keys(_)));
    assert!(matches!(base("b"), RoleBase::InstanceProfile));
}

#[test]
fn what_keeps_a_key_from_being_used_is_said_by_line_and_name() {
    for (text, line, says) in [
        ("{tmp} {secret}", 1, "session token"),
        ("\naws_access_key_id={id}\n", 2, "belong together"),
        (
            "aws_access_key_id={secret}\naws_secret_access_key={id}",
            1,
            "wrong way round",
        ),
        (
            "aws_access_key_id=AROAQWERTYUIOPASDFGH\naws_secret_access_key={secret}",
            1,
            "of a role",
        ),
        (
            "[a]\naws_access_key_id={id}\naws_secret_access_key={secret} # canary",
            3,
            "a line of its own",
        ),
        (
            "[a]\ncredential_process = /opt/canary --x",
            2,
            "`credential_process`",
        ),
        ("[profile a]\nsso_session = canary", 2, "`sso_session`"),
        (
            "[a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n[b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=c",
            1,
            "no credentials",
        ),
        ("[a]\nrole_arn=arn:aws:iam::1:role/a", 2, "`source_profile`"),
        (
            "{\"Version\":2,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}",
            1,
            "`Version`",
        ),
        ("{\"AccessKeyId\":\n", 2, "no YAML or JSON"),
        ("canary canary", 0, "no AWS credentials"),
        ("", 0, "no AWS credentials"),
    ] {
        let reading = aws(filled(text).as_bytes());
        let found = reading.notes.iter().any(|note| {
            note.kind == NoteKind::Problem && note.line == line && note.text.contains(says)
        });
        assert!(found, "{text}: {:?}", reading.notes);
        assert!(!shown(&reading).contains("canary"), "{}", shown(&reading));
    }
}

#[test]
fn roles_that_assume_each_other_are_told() {
    let text = "[a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n[b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=a";
    let reading = aws(text.as_bytes());
    let lines: Vec<usize> = reading.notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [1, 4]);
}

#[test]
fn a_secret_in_the_place_of_a_name_is_not_shown() {
    for text in [
        "{secret}",
        "{secret}=x",
        "my key is {secret}",
        "export {secret}=x",
        "{\"{secret}\": \"x\"}",
    ] {
        let reading = aws(filled(text).as_bytes());
        assert!(!shown(&reading).contains("canary"), "{}", shown(&reading));
    }
}

#[test]
fn the_environment_is_an_identity() {
    let reading = aws_environment([
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-west-1"),
        ("HOME", "/root"),
    ]);
    let credential = reading.named("environment").unwrap();
    assert_eq!(credential.region.as_deref(), Some("eu-west-1"));
    assert!(matches!(credential.source, AwsSecretSource::Keys(_)));
}

#[test]
fn a_problem_stands_alone() {
    let reading = aws(filled("{tmp} {secret}").as_bytes());
    assert_eq!(problem(&reading).0, 1);
}
