//! Advantage actor-critic with asynchronous actors (Mnih and others, 2016), on a fixed schedule, so that a seed has one outcome.
//!
//! In the paper, actors on threads of their own each copy the shared parameters, take some steps, work out a gradient, and apply it to whatever
//! the shared parameters have become by then: what comes out depends on the race between the threads. Here the race
//! is replaced by the order in which equally fast actors would finish. `n_envs` actors each own a copy of the environment and
//! a copy of the parameters. Round by round:
//!
//! 1. All actors, in parallel: take `n_steps` steps by their own copy of the parameters, and work out its gradient.
//! 2. In the order of their numbers: an actor's gradient is applied to the shared parameters, and that actor copies them.
//!
//! So every actor acts on parameters of another age, and each gradient is n_envs − 1 updates old when it is applied, as
//! in the paper with equally fast actors. Between two rounds all actors stand: there the state of the training is kept.
//! The statistics of the optimiser are shared: RMSProp as in the paper (decay 0.99), which is Adam without a first
//! moment. Returns are bootstrapped over `n_steps` by GAE; with `gae_lambda` 1 they are the paper's.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::ReinforcementTraining;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::neural::adam::AdamSettings;
use crate::random::Random;

use super::actor_critic::{ActorCritic, Gradient, Room, Weighing};
use super::encoding::Encoding;
use super::environments::EnvironmentKind;
use super::monitor::{Monitor, streams};
use super::optimiser::Optimiser;
use super::policy::{Actions, Policy};
use super::ppo::{EPSILON, Round, diverged, normalise};
use super::running::Copies;
use super::settings::A3cSettings;

/// How much of the mean squared gradient RMSProp keeps.
const DECAY: f32 = 0.99;

/// One actor with its own copy of the environment and of the parameters.
#[derive(Serialize, Deserialize)]
struct Actor {
    copies: Copies,
    network: ActorCritic,
}

/// What an actor brings in a round.
struct Share<'a> {
    round: Round<'a>,
    gradient: Gradient,
    room: Room,
}

/// Where the training stands between two rounds.
#[derive(Serialize, Deserialize)]
struct Learning {
    network: ActorCritic,
    optimiser: Optimiser,
    actors: Vec<Actor>,
}

impl Learning {
    /// Whether what was read from a state can be what `begun` came to.
    fn can_follow(&self, begun: &Self) -> bool {
        let actor_fits = |(own, begun): (&Actor, &Actor)| {
            own.copies.can_follow(&begun.copies) && own.network.can_follow(&begun.network)
        };
        self.network.can_follow(&begun.network)
            && self.optimiser.can_follow(&begun.optimiser)
            && self.actors.len() == begun.actors.len()
            && self.actors.iter().zip(&begun.actors).all(actor_fits)
    }
}

/// Learns a policy. With a checkpoint the training goes on from the last round that was kept.
pub(super) fn learn(
    kind: EnvironmentKind,
    settings: &A3cSettings,
    (encoding, actions): (&Encoding, &Actions),
    seed: u64,
    checkpoint: Option<Checkpoint>,
    control: &dyn Control,
) -> Result<(Policy, ReinforcementTraining), Error> {
    let A3cSettings { common, gathering, .. } = settings;
    let mut weights = Random::new(seed, streams::WEIGHTS);
    let network = ActorCritic::new(
        encoding.inputs(),
        actions,
        &common.layers,
        common.activation,
        gathering.log_deviation,
        &mut weights,
    );
    let adam = AdamSettings {
        rate: common.rate,
        first_beta: 0.0,
        second_beta: DECAY,
        epsilon: EPSILON,
        ..AdamSettings::default()
    };
    let begun = Learning {
        optimiser: Optimiser::new(&network, adam, common.largest_norm),
        actors: (0..gathering.environments)
            .map(|position| Actor { copies: Copies::new(kind, seed, position..position + 1), network: network.clone() })
            .collect(),
        network,
    };
    let mut monitor = Monitor::new(kind, settings.timesteps, settings.trying, seed, checkpoint, control);
    let policy = begun.network.policy(encoding, actions);
    let mut learning = monitor.resume(begun, &policy, Learning::can_follow);
    let weighing = Weighing { clip: None, entropy: gathering.entropy, value: gathering.value };
    let mut shares: Vec<Share<'_>> = (0..gathering.environments)
        .map(|_| Share {
            round: Round::new((encoding, actions), gathering, common.gamma, 1),
            gradient: Gradient::default(),
            room: Room::default(),
        })
        .collect();
    while !monitor.is_over() {
        monitor.keep(&learning);
        let Learning { network, optimiser, actors } = &mut learning;
        optimiser.set_rate(common.rate_at(monitor.share()));
        actors.par_iter_mut().zip(&mut shares).try_for_each(|(actor, share)| {
            let Actor { copies, network } = actor;
            let Share { round, gradient, room } = share;
            round.gather(copies, network, room, || monitor.look())?;
            if settings.normalise {
                normalise(&mut round.batch.advantages);
            }
            network.gradient(&round.batch, weighing, false, room, gradient);
            Ok::<(), Error>(())
        })?;
        for (actor, share) in actors.iter_mut().zip(&mut shares) {
            optimiser.step(network, &mut share.gradient);
            actor.network.clone_from(network);
            for (reward, length) in &share.round.ended {
                monitor.ended(*reward, *length);
            }
        }
        if !network.is_finite() {
            return Err(diverged());
        }
        monitor.advance((gathering.environments * gathering.steps) as u64)?;
        if monitor.good_enough(|| network.policy(encoding, actions))? {
            break;
        }
    }
    monitor.finish(|| learning.network.policy(encoding, actions))
}
