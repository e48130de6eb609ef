//! What happens to people, and to the sessions in which they or holders of tokens look at pages.

macro_rules! person_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A person was added.
            "CLA160I" "person.created" PersonCreated {
                /// Who vouches for them, if somebody does.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                issuer: Option<String>,
                /// Their name.
                name: String,
                /// The person.
                person_id: PersonId,
                /// What they are.
                roles: BTreeSet<Role>,
                /// What the issuer calls them.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                subject: Option<String>,
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
            /// A person chose another password.
            "CLA167I" "person.password_changed" PersonPasswordChanged {
                /// The person.
                person_id: PersonId,
            } about [person(person_id)];
            /// An issuer says that a person has other roles.
            "CLA168I" "person.roles_changed" PersonRolesChanged {
                /// What they were.
                before: BTreeSet<Role>,
                /// The person.
                person_id: PersonId,
                /// What they are now.
                roles: BTreeSet<Role>,
            } about [person(person_id)];
            /// Somebody for whom an issuer vouches was not let in.
            "CLA169E" "sign_in.refused" SignInRefused {
                /// Who vouches for them.
                issuer: String,
                /// The person, if they were let in before.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                person_id: Option<PersonId>,
                /// What the issuer calls them.
                subject: String,
                /// What was wrong, as a word that does not change.
                why: String,
            } about [person_id.as_ref().and_then(person)];
        } $($rest)* }
    };
}
