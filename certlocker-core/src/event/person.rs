//! What happens to people, and to the sessions in which they or holders of tokens look at pages.

macro_rules! person_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A person was added.
            "CLA160I" "person.created" PersonCreated {
                /// Their name.
                name: String,
                /// The person.
                person_id: PersonId,
                /// What they are.
                roles: BTreeSet<Role>,
            } about [person(person_id)];
            /// A person got another password and another key for their codes.
            "CLA161I" "person.reset" PersonReset {
                /// The person.
                person_id: PersonId,
            } about [person(person_id)];
            /// A person was switched off.
            "CLA162I" "person.disabled" PersonDisabled {
                /// The person.
                person_id: PersonId,
            } about [person(person_id)];
            /// Somebody signed in.
            "CLA163I" "session.opened" SessionOpened {
                /// Until when it lasts.
                expires: Timestamp,
                /// The person, or the token.
                holder: Subject,
            } about [Some(*holder)];
            /// Somebody tried to sign in as a person, and was not let in.
            "CLA163E" "session.refused" SessionRefused {
                /// How often in turn that was.
                failures: u32,
                /// The person.
                person_id: PersonId,
                /// What was wrong, as a word that does not change.
                why: String,
            } about [person(person_id)];
            /// Somebody signed out.
            "CLA164I" "session.closed" SessionClosed {
                /// The person, or the token.
                holder: Subject,
            } about [Some(*holder)];
            /// A request was refused because the roles of the person do not allow it.
            "CLA165E" "person.denied" PersonDenied {
                /// What their roles would have to allow.
                needed: String,
                /// What was asked for: the method and the route.
                operation: String,
                /// The person.
                person_id: PersonId,
            } about [person(person_id)];
            /// Attempts to sign in were refused unseen; one record stands for many.
            "CLA166E" "sign_ins.rejected" SignInsRejected {
                /// How many, since the record before.
                count: u64,
                /// Why, as a word that does not change.
                why: String,
            } about [];
        } $($rest)* }
    };
}
