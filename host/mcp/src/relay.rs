//! What clients are told without having asked: that a list has changed, or a resource they watch.

use std::sync::Arc;

use kumiko_catalog::{Catalog, Notice, Snapshot};
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::sync::broadcast::error::RecvError;

use crate::session::Session;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

/// The news for one client, from the moment it is made.
struct Feed {
    revisions: tokio::sync::watch::Receiver<u64>,
    notices: tokio::sync::broadcast::Receiver<Notice>,
    catalog: Arc<Catalog>,
    seen: Arc<Snapshot>,
}

impl Feed {
    fn new(catalog: &Arc<Catalog>) -> Self {
        let mut revisions = catalog.revisions();
        revisions.mark_unchanged();
        Self { revisions, notices: catalog.notices(), catalog: Arc::clone(catalog), seen: catalog.snapshot() }
    }

    /// The next news; `None` when there will be none. A swap of plugins tells of tools in any case, of prompts and resources where they
    /// are others than before.
    async fn next(&mut self) -> Option<Vec<News>> {
        tokio::select! {
            changed = self.revisions.changed() => {
                changed.ok()?;
                let snapshot = self.catalog.snapshot();
                let before = std::mem::replace(&mut self.seen, Arc::clone(&snapshot));
                let mut news = vec![News::Tools];
                if prompts(&before) != prompts(&snapshot) {
                    news.push(News::Prompts);
                }
                if resources(&before) != resources(&snapshot) {
                    news.push(News::Resources);
                }
                Some(news)
            }
            notice = self.notices.recv() => match notice {
                Ok(Notice::ResourceUpdated(uri)) => Some(vec![News::Resource(uri)]),
                Ok(Notice::Tools) => Some(vec![News::Tools]),
                Ok(Notice::Prompts) => Some(vec![News::Prompts]),
                Ok(Notice::Resources) => Some(vec![News::Resources]),
                // What was missed is unknown, so the lists are told of; whoever watches a resource learns of its next change.
                Err(RecvError::Lagged(_)) => Some(vec![News::Tools, News::Prompts, News::Resources]),
                Err(RecvError::Closed) => None,
            },
        }
    }
}

fn prompts(snapshot: &Snapshot) -> Vec<String> {
    snapshot.prompts().into_iter().map(|(_, prompt)| prompt.name).collect()
}

fn resources(snapshot: &Snapshot) -> Vec<String> {
    let manifests = snapshot.plugins().iter().map(|plugin| plugin.plugin.manifest());
    manifests
        .flat_map(|manifest| {
            let listed = manifest.resources.iter().map(|entry| entry.uri.clone());
            listed.chain(manifest.templates.iter().map(|entry| entry.uri_template.clone()))
        })
        .collect()
}

/// Tells a client of the older era until it is gone.
pub(crate) fn tell(catalog: &Arc<Catalog>, session: Arc<Session>, peer: Peer<RoleServer>) {
    let mut feed = Feed::new(catalog);
    tokio::spawn(async move {
        while let Some(news) = feed.next().await {
            for news in news {
                let told = match news {
                    News::Tools => peer.notify_tool_list_changed().await,
                    News::Prompts => peer.notify_prompt_list_changed().await,
                    News::Resources => peer.notify_resource_list_changed().await,
                    News::Resource(uri) if session.watches(&uri) => {
                        peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
                    }
                    News::Resource(_) => Ok(()),
                };
                if told.is_err() || peer.is_transport_closed() {
                    return;
                }
            }
        }
    });
}

/// Tells a client of 2026-07-28 what it listens to, until it stops.
pub(crate) async fn listen(catalog: &Arc<Catalog>, context: SubscriptionContext) {
    let mut feed = Feed::new(catalog);
    let accepted = context.accepted().clone();
    let sink = context.sink();
    loop {
        let news = tokio::select! {
            () = context.cancelled() => return,
            news = feed.next() => news,
        };
        let Some(news) = news else { return };
        for news in news {
            let told = match news {
                News::Tools if accepted.tools_list_changed == Some(true) => sink.notify_tool_list_changed().await,
                News::Prompts if accepted.prompts_list_changed == Some(true) => sink.notify_prompt_list_changed().await,
                News::Resources if accepted.resources_list_changed == Some(true) => {
                    sink.notify_resource_list_changed().await
                }
                News::Resource(uri)
                    if accepted.resource_subscriptions.as_ref().is_some_and(|all| all.contains(&uri)) =>
                {
                    sink.notify_resource_updated(uri).await
                }
                _ => Ok(()),
            };
            if told.is_err() {
                return;
            }
        }
    }
}
