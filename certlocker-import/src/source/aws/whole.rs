//! Answers that end early are no answers.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses good answers without their end. The SDK reads XML as far as it goes: of a page that ends
/// early the machines that are missing, and that there is another page, would not be noticed, and
/// the machines would count as gone.
#[derive(Debug)]
pub(super) struct WholeAnswers;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let is_whole = response.body().bytes().is_none_or(is_whole);
        if response.status().is_success() && !is_whole {
            return Err("the end of the answer is missing".into());
        }
        Ok(())
    }
}

fn is_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let end = body.windows(2).rposition(|two| two == b"</");
    end.is_some_and(|end| body[end..].ends_with(b"Response>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_the_last_tag_only() {
        let whole = b"<DescribeRegionsResponse xmlns=\"x\"><a></a></DescribeRegionsResponse>\n";
        assert!(is_whole(whole));
        for end in 0..whole.len() - 1 {
            assert!(!is_whole(&whole[..end]), "{end}");
        }
    }
}
