//! What an answer of AWS that is none means to the one who asked.

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::super::SourceError;

/// A question to a service.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// The operation, as permissions call it: `ec2:DescribeInstances`.
    pub(super) action: &'static str,
    /// Whether the same credentials were accepted elsewhere.
    pub(super) is_known: bool,
    /// Which address or region was asked.
    pub(super) place: &'a str,
}

/// An answer that is an error, as far as it can be read.
struct Refusal<'a> {
    code: Option<&'a str>,
    message: &'a str,
    /// By how much the clocks differ, if the answer has a date.
    skew: Option<Skew>,
    status: u16,
}

/// By how much the clock here is ahead of the cloud's, or behind.
#[derive(Clone, Copy)]
struct Skew {
    ahead: bool,
    by: Duration,
}

/// AWS accepts signatures that are five minutes old.
const TOLERATED: Duration = Duration::from_secs(4 * 60);

/// What a failure means, at this time.
pub(super) fn explain<E>(
    error: &SdkError<E, HttpResponse>,
    question: Question<'_>,
    now: SystemTime,
) -> SourceError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(known) = find::<SourceError>(error) {
        return known.clone();
    }
    if let Some(missing) = find::<CredentialsError>(error) {
        return no_identity(missing);
    }
    match error {
        SdkError::ServiceError(answer) => {
            let raw = answer.raw();
            if raw.status().is_success() {
                return unreadable(raw, question);
            }
            let refusal = Refusal {
                code: answer.err().code(),
                message: answer.err().message().unwrap_or_default(),
                skew: skew(raw, now),
                status: raw.status().as_u16(),
            };
            refusal.explain(question)
        }
        SdkError::ResponseError(answer) => unreadable(answer.raw(), question),
        SdkError::ConstructionFailure(_) => SourceError::Refused(root(error)),
        _ => SourceError::Unreachable(format!("{}: {}", question.place, root(error))),
    }
}

/// What it means that a provider of the SDK has no credentials.
fn no_identity(error: &CredentialsError) -> SourceError {
    SourceError::NoIdentity(format!(
        "{}: {}",
        printable(&error.to_string()),
        root(error)
    ))
}

impl Refusal<'_> {
    fn explain(&self, question: Question<'_>) -> SourceError {
        let Some(code) = self.code else {
            return self.without_code(question);
        };
        match code {
            "AuthFailure"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "InvalidAccessKeyId" => self.unauthorized(code, question),
            "ExpiredToken" | "ExpiredTokenException" => SourceError::Expired,
            "InvalidNextToken" | "InvalidPaginationToken" => SourceError::CursorLost,
            "InvalidAction" | "UnknownEndpoint" => SourceError::Misdirected(format!(
                "what answers at {} does not know {}",
                question.place, question.action
            )),
            "OptInRequired" | "RegionDisabledException" => SourceError::Disabled,
            "RequestExpired" => match self.clock_skew() {
                Some(skewed) => skewed,
                None => SourceError::Expired,
            },
            "RequestTimeTooSkewed" | "RequestInTheFuture" => {
                let unsaid = || SourceError::ClockSkew("by how much is not said".to_owned());
                self.clock_skew().unwrap_or_else(unsaid)
            }
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                SourceError::Denied(format!("{} at {}", self.action(question), question.place))
            }
            _ if self.is_throttled() => SourceError::Throttled,
            _ if self.status >= 500 => self.unavailable(code, question),
            _ => SourceError::Refused(format!(
                "{} at {}: {}: {}",
                question.action,
                question.place,
                printable(code),
                printable(self.message)
            )),
        }
    }

    /// An answer that is not in the form of AWS.
    fn without_code(&self, question: Question<'_>) -> SourceError {
        match self.status {
            429 => SourceError::Throttled,
            500.. => self.unavailable("no reason is given", question),
            status => SourceError::Misdirected(format!(
                "what answers at {} is not EC2: {} has status {status}",
                question.place, question.action
            )),
        }
    }

    fn unavailable(&self, code: &str, question: Question<'_>) -> SourceError {
        SourceError::Unreachable(format!(
            "{} has status {}: {}",
            question.place,
            self.status,
            printable(code)
        ))
    }

    fn unauthorized(&self, code: &str, question: Question<'_>) -> SourceError {
        if let Some(skewed) = self.clock_skew() {
            return skewed;
        }
        if self.message.contains("Signature expired") || self.message.contains("not yet current") {
            return SourceError::ClockSkew("by how much is not said".to_owned());
        }
        if self.message.contains("should be scoped to a valid region") {
            return SourceError::Misdirected(format!(
                "what answers at {} belongs to another region",
                question.place
            ));
        }
        if question.is_known {
            return SourceError::Disabled;
        }
        SourceError::Unauthorized(match code {
            "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException" => {
                format!(
                    "{} does not know this access key; a key of another partition (China, GovCloud) is known in its own regions only",
                    question.place
                )
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException" => {
                "the access key exists, and its secret is another".to_owned()
            }
            _ => format!("{code} from {}", question.place),
        })
    }

    fn clock_skew(&self) -> Option<SourceError> {
        let skew = self.skew.filter(|skew| skew.by > TOLERATED)?;
        let side = if skew.ahead { "ahead of" } else { "behind" };
        Some(SourceError::ClockSkew(format!(
            "it is {} seconds {side} the cloud's",
            skew.by.as_secs()
        )))
    }

    /// The permission that AWS names, or the one that was needed.
    fn action(&self, question: Question<'_>) -> String {
        let words = self.message.split_whitespace();
        let named = words.skip_while(|word| *word != "perform:").nth(1);
        let is_action = |word: &&str| {
            word.split_once(':').is_some_and(|(service, name)| {
                let plain = |part: &str| {
                    (1..=64).contains(&part.len())
                        && part.bytes().all(|b| b.is_ascii_alphanumeric())
                };
                plain(service) && plain(name)
            })
        };
        named
            .filter(is_action)
            .unwrap_or(question.action)
            .to_owned()
    }

    fn is_throttled(&self) -> bool {
        let code = self.code.unwrap_or_default();
        let codes = [
            "RequestLimitExceeded",
            "SlowDown",
            "TooManyRequestsException",
        ];
        self.status == 429 || codes.contains(&code) || code.to_lowercase().contains("throttl")
    }
}

/// An answer that should have been a good one.
fn unreadable(raw: &HttpResponse, question: Question<'_>) -> SourceError {
    let name = question.action.split(':').next_back().unwrap_or_default();
    let body = raw.body().bytes().map(String::from_utf8_lossy);
    match body {
        Some(body) if !body.contains(&format!("<{name}Response")) => {
            SourceError::Misdirected(format!(
                "what answers at {} is not EC2: its answer to {} is something else",
                question.place, question.action
            ))
        }
        _ => SourceError::Incomplete(format!(
            "the answer of {} to {} ends before its end",
            question.place, question.action
        )),
    }
}

fn skew(raw: &HttpResponse, now: SystemTime) -> Option<Skew> {
    let date = DateTime::from_str(raw.headers().get("date")?, Format::HttpDate).ok()?;
    let there = SystemTime::try_from(date).ok()?;
    Some(match now.duration_since(there) {
        Ok(by) => Skew { ahead: true, by },
        Err(error) => Skew {
            ahead: false,
            by: error.duration(),
        },
    })
}

/// The errors that led to this one, those that an error of input and output holds among them.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What it all began with.
fn root(error: &(dyn Error + 'static)) -> String {
    printable(
        &chain(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

/// What came from outside, cut; nothing in it is long enough to be a token.
fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    const LONGEST_WORD: usize = 64;
    let words = text.split_whitespace().map(|word| {
        let plain: String = word.chars().filter(|c| !c.is_control()).collect();
        if plain.chars().count() > LONGEST_WORD {
            "…".to_owned()
        } else {
            plain
        }
    });
    let text: Vec<String> = words.collect();
    text.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn question(is_known: bool) -> Question<'static> {
        Question {
            action: "ec2:DescribeInstances",
            is_known,
            place: "eu-west-1",
        }
    }

    fn said(status: u16, code: &str, message: &str, behind: u64) -> SourceError {
        let skew = Some(Skew {
            ahead: false,
            by: Duration::from_secs(behind),
        });
        let refusal = Refusal {
            code: (!code.is_empty()).then_some(code),
            message,
            skew,
            status,
        };
        refusal.explain(question(false))
    }

    #[test]
    fn each_refusal_is_told_by_what_can_be_done_about_it() {
        let text = |text: &str| text.to_owned();
        let behind = "it is 3600 seconds behind the cloud's";
        let unsaid = "by how much is not said";
        let rows = [
            (503, "RequestLimitExceeded", "", 0, SourceError::Throttled),
            (400, "ThrottlingException", "", 0, SourceError::Throttled),
            (429, "", "", 0, SourceError::Throttled),
            (401, "OptInRequired", "", 0, SourceError::Disabled),
            (400, "ExpiredToken", "", 0, SourceError::Expired),
            (400, "RequestExpired", "", 0, SourceError::Expired),
            (400, "InvalidNextToken", "", 0, SourceError::CursorLost),
            (
                401,
                "AuthFailure",
                "",
                3_600,
                SourceError::ClockSkew(text(behind)),
            ),
            (
                400,
                "RequestExpired",
                "",
                3_600,
                SourceError::ClockSkew(text(behind)),
            ),
            (
                403,
                "RequestTimeTooSkewed",
                "",
                0,
                SourceError::ClockSkew(text(unsaid)),
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
                0,
                SourceError::ClockSkew(text(unsaid)),
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
                0,
                SourceError::Unauthorized(text("the access key exists, and its secret is another")),
            ),
            (
                403,
                "UnauthorizedOperation",
                "You are not authorized. User: arn:aws:iam::1:user/x is not authorized to perform: ec2:DescribeImages because",
                0,
                SourceError::Denied(text("ec2:DescribeImages at eu-west-1")),
            ),
            (
                403,
                "UnauthorizedOperation",
                "You are not authorized to perform this operation.",
                0,
                SourceError::Denied(text("ec2:DescribeInstances at eu-west-1")),
            ),
            (
                401,
                "AuthFailure",
                "Credential should be scoped to a valid region.",
                0,
                SourceError::Misdirected(text(
                    "what answers at eu-west-1 belongs to another region",
                )),
            ),
            (
                503,
                "Unavailable",
                "",
                0,
                SourceError::Unreachable(text("eu-west-1 has status 503: Unavailable")),
            ),
            (
                400,
                "InvalidParameterValue",
                "The filter 'x' is invalid",
                0,
                SourceError::Refused(text(
                    "ec2:DescribeInstances at eu-west-1: InvalidParameterValue: The filter 'x' is invalid",
                )),
            ),
        ];
        for (status, code, message, behind, expected) in rows {
            assert_eq!(said(status, code, message, behind), expected, "{code}");
        }
        assert!(matches!(said(404, "", "", 0), SourceError::Misdirected(_)));
    }

    #[test]
    fn a_key_that_holds_elsewhere_is_not_wrong_here() {
        let refusal = Refusal {
            code: Some("AuthFailure"),
            message: "AWS was not able to validate the provided access credentials",
            skew: None,
            status: 401,
        };
        assert_eq!(refusal.explain(question(true)), SourceError::Disabled);
        let wrong = refusal.explain(question(false));
        assert!(matches!(wrong, SourceError::Unauthorized(_)), "{wrong:?}");
    }

    #[test]
    fn what_is_quoted_has_no_room_for_a_token() {
        let token = "FwoGZXIvYXdzEBYaD".repeat(10);
        let SourceError::Refused(text) = said(400, "Odd", &format!("you sent\u{1b}[0m {token}"), 0)
        else {
            panic!("it was to be refused");
        };
        assert!(text.ends_with("you sent[0m …"), "{text}");
    }

    #[test]
    fn the_date_of_an_answer_is_compared_with_the_clock() {
        let raw = |date: &str| {
            let body = aws_smithy_types::body::SdkBody::empty();
            let mut raw = HttpResponse::new(401.try_into().unwrap(), body);
            raw.headers_mut().insert("date", date.to_owned());
            raw
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        let of = |date| skew(&raw(date), now).map(|skew| (skew.ahead, skew.by.as_secs()));
        assert_eq!(of("Tue, 14 Nov 2023 22:13:20 GMT"), Some((true, 0)));
        assert_eq!(of("Tue, 14 Nov 2023 21:13:20 GMT"), Some((true, 3_600)));
        assert_eq!(of("Tue, 14 Nov 2023 22:14:20 GMT"), Some((false, 60)));
        assert_eq!(of("yesterday"), None);
    }
}
