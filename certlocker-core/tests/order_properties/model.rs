//! The transitions of RFC 8555 section 7.1.6, and no others.

use certlocker_core::{AuthorizationState, ChallengeState, OrderStatus};

pub(crate) fn order_may_become(was: OrderStatus, is: OrderStatus) -> bool {
    use OrderStatus::{Invalid, Pending, Processing, Ready, Valid};
    matches!(
        (was, is),
        (Pending, Ready | Invalid) | (Ready, Processing | Invalid) | (Processing, Valid | Invalid)
    )
}

pub(crate) fn authorization_may_become(was: &AuthorizationState, is: &AuthorizationState) -> bool {
    use AuthorizationState::{Deactivated, Invalid, Pending, Valid};
    matches!(
        (was, is),
        (Pending, Valid { .. } | Invalid | Deactivated) | (Valid { .. }, Deactivated)
    )
}

/// Attempts, their times and the error of the last one may change while the server looks.
pub(crate) fn challenge_may_become(was: &ChallengeState, is: &ChallengeState) -> bool {
    use ChallengeState::{Invalid, Pending, Processing, Valid};
    matches!(
        (was, is),
        (Pending, Processing(_)) | (Processing(_), Processing(_) | Valid(_) | Invalid(_))
    )
}
