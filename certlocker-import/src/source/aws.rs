//! Machines of EC2, asked of the cloud itself.
#![doc = include_str!("../../guide/aws.md")]

mod connection;
mod credentials;
mod error;
mod identity;
mod images;
mod machine;
mod options;
mod whole;

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::Filter as Ec2Filter;
use certlocker_core::host::Provider;

use super::{Cursor, FoundPage, Source, SourceError};
use crate::found::Scope;
use crate::keys::KeyPair;
use connection::Connection;
use images::Images;
use machine::{host, key_pair, text};

pub use identity::{Identity, IdentityError};
pub use options::{Filter, InvalidOption, Options};

/// The machines of an account, each region a part.
pub struct Ec2 {
    connection: Connection,
    home: String,
    images: Images,
    options: Options,
}

impl std::fmt::Debug for Ec2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ec2")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Why EC2 cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ec2Error {
    /// With these options.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// As this identity.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Ec2 {
    /// Asks as this identity. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Ec2Error`].
    pub fn new(identity: &Identity, options: Options) -> Result<Self, Ec2Error> {
        options.check()?;
        let named = options.regions.first().or(identity.region.as_ref());
        let home = named.cloned().unwrap_or_else(|| home_of("").to_owned());
        options::check_region(&home)?;
        Ok(Self {
            connection: Connection::new(identity, &options, &home)?,
            home,
            images: Images::default(),
            options,
        })
    }

    /// Where to ask what is the same everywhere: near, and where every account is known.
    fn homes(&self) -> Vec<&str> {
        let everywhere = home_of(&self.home);
        if self.connection.is_custom() || self.home == everywhere {
            return vec![&self.home];
        }
        vec![&self.home, everywhere]
    }

    async fn account(&self) -> Result<String, SourceError> {
        if let Some(account) = &self.options.account {
            return Ok(account.clone());
        }
        let mut failed = None;
        for region in self.homes() {
            let request = self.connection.sts(region).get_caller_identity();
            let asked = self
                .connection
                .ask("sts:GetCallerIdentity", region, request.send());
            match asked.await {
                Ok(answer) => {
                    let missing = || SourceError::Incomplete("STS names no account".to_owned());
                    return text(answer.account()).ok_or_else(missing);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(SourceError::Cancelled))
    }

    /// Every region that is enabled for the account.
    async fn regions(&self) -> Result<Vec<String>, SourceError> {
        let mut failed = None;
        for region in self.homes() {
            let request = self.connection.ec2(region).describe_regions();
            let asked = self
                .connection
                .ask("ec2:DescribeRegions", region, request.send());
            match asked.await {
                Ok(answer) => {
                    let regions = answer.regions().iter();
                    let names = regions.filter_map(|region| text(region.region_name()));
                    return Ok(names
                        .filter(|name| options::check_region(name).is_ok())
                        .collect());
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(SourceError::Cancelled))
    }

    async fn read(
        &self,
        scope: &Scope,
        answer: &DescribeInstancesOutput,
    ) -> Result<FoundPage, SourceError> {
        let reservations = answer.reservations().iter();
        let instances: Vec<_> = reservations.flat_map(|of| of.instances()).collect();
        let ids = instances
            .iter()
            .filter_map(|instance| text(instance.image_id()));
        let ids: BTreeSet<String> = ids.collect();
        let mut page = FoundPage::default();
        let images = match self.images.of(&self.connection, &scope.region, ids).await {
            Ok(images) => images,
            Err(error @ SourceError::Denied(_)) => {
                page.lacking.push(format!("names of images: {error}"));
                Default::default()
            }
            Err(error) => return Err(error),
        };
        let read = |instance: &&aws_sdk_ec2::types::Instance| {
            let image = text(instance.image_id()).and_then(|id| images.get(&id));
            host(instance, scope, image)
        };
        page.hosts = instances.iter().filter_map(read).collect();
        if page.hosts.len() < instances.len() {
            let unread = instances.len() - page.hosts.len();
            let text = format!("{unread} machines whose name cannot be read");
            page.lacking.push(text);
        }
        Ok(page)
    }
}

/// Where every account of a region's partition is known, whatever regions it has enabled.
fn home_of(region: &str) -> &'static str {
    let homes = [
        ("cn-", "cn-north-1"),
        ("us-gov-", "us-gov-west-1"),
        ("us-iso-", "us-iso-east-1"),
        ("us-isob-", "us-isob-east-1"),
        ("eusc-", "eusc-de-east-1"),
    ];
    let home = homes.iter().find(|(prefix, _)| region.starts_with(prefix));
    home.map_or("us-east-1", |(_, home)| home)
}

#[async_trait]
impl Source for Ec2 {
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
        let account = self.account().await?;
        let regions = match self.options.regions.is_empty() {
            true => self.regions().await?,
            false => self.options.regions.clone(),
        };
        let regions: BTreeSet<String> = regions.into_iter().collect();
        let scope = |region| Scope {
            account: account.clone(),
            provider: Provider::Aws,
            region,
        };
        Ok(regions.into_iter().map(scope).collect())
    }

    async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError> {
        let client = self.connection.ec2(&scope.region);
        let request = client.describe_key_pairs().include_public_key(true);
        let asked = self
            .connection
            .ask("ec2:DescribeKeyPairs", &scope.region, request.send());
        let answer = asked.await?;
        Ok(answer.key_pairs().iter().filter_map(key_pair).collect())
    }

    async fn page(&self, scope: &Scope, after: Option<&Cursor>) -> Result<FoundPage, SourceError> {
        let filter = |filter: &Filter| {
            let values = Some(filter.values.clone());
            Ec2Filter::builder()
                .name(&filter.name)
                .set_values(values)
                .build()
        };
        let filters = self.options.filters.iter().map(filter).collect::<Vec<_>>();
        let client = self.connection.ec2(&scope.region);
        let request = client
            .describe_instances()
            .max_results(self.options.page_size.into())
            .set_filters((!filters.is_empty()).then_some(filters))
            .set_next_token(after.map(|cursor| cursor.as_str().to_owned()));
        let asked = self
            .connection
            .ask("ec2:DescribeInstances", &scope.region, request.send());
        let answer = asked.await?;
        let mut page = self.read(scope, &answer).await?;
        page.is_selection = !self.options.filters.is_empty();
        page.next = answer
            .next_token()
            .filter(|token| !token.is_empty())
            .map(|token| Cursor::new(token.to_owned()));
        Ok(page)
    }
}
