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
//! So every actor acts on parameters of another age, and each gradient is n_envs − 1 updates old when it is applied, as in the paper
//! with equally fast actors. The statistics of the optimiser are shared: RMSProp as in the paper (decay 0.99), which is Adam without
//! a first moment. Returns are bootstrapped over `n_steps` by GAE; with `gae_lambda` 1 they are the paper's.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::ReinforcementTraining;
use rayon::prelude::*;

use crate::error::Error;
use crate::neural::adam::AdamSettings;
use crate::random::Random;

use super::actor_critic::{ActorCritic, Gradient, Optimiser, Room, Weighing};
use super::encoding::Encoding;
use super::environments::EnvironmentKind;
use super::monitor::{Monitor, streams};
use super::policy::{Actions, Policy};
use super::ppo::{EPSILON, Round, diverged, normalise};
use super::settings::A3cSettings;

/// How much of the mean squared gradient RMSProp keeps.
const DECAY: f32 = 0.99;

/// One actor with its own copy of the parameters.
struct Actor<'a> {
    round: Round<'a>,
    network: ActorCritic,
    gradient: Gradient,
    room: Room,
}

/// Learns a policy.
pub(super) fn learn(
    kind: EnvironmentKind,
    settings: &A3cSettings,
    (encoding, actions): (&Encoding, &Actions),
    seed: u64,
    control: &dyn Control,
) -> Result<(Policy, ReinforcementTraining), Error> {
    let A3cSettings { common, gathering, .. } = settings;
    let mut weights = Random::new(seed, streams::WEIGHTS);
    let mut network = ActorCritic::new(
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
    let mut optimiser = Optimiser::new(&network, adam, common.largest_norm);
    let mut monitor = Monitor::new(kind, settings.timesteps, settings.trying, seed, control);
    let weighing = Weighing { clip: None, entropy: gathering.entropy, value: gathering.value };
    let mut actors: Vec<Actor<'_>> = (0..gathering.environments)
        .map(|position| Actor {
            round: Round::new(kind, (encoding, actions), gathering, common.gamma, seed, position..position + 1),
            network: network.clone(),
            gradient: Gradient::default(),
            room: Room::default(),
        })
        .collect();
    while !monitor.is_over() {
        optimiser.set_rate(common.rate_at(monitor.share()));
        actors.par_iter_mut().try_for_each(|actor| {
            let Actor { round, network, gradient, room } = actor;
            round.gather(network, room, || monitor.look())?;
            if settings.normalise {
                normalise(&mut round.batch.advantages);
            }
            network.gradient(&round.batch, weighing, false, room, gradient);
            Ok::<(), Error>(())
        })?;
        for actor in &mut actors {
            optimiser.step(&mut network, &mut actor.gradient);
            actor.network.clone_from(&network);
            for (reward, length) in &actor.round.ended {
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
    monitor.finish(|| network.policy(encoding, actions))
}
