"""Records what gymnasium's environments do, for tests/environments.rs to replay.

python environments.py > environments.json     (gymnasium 1.4.0, numpy 2.4.6)

Each run: the environment, its start state, the actions, and of every step the reward; of every tenth step and the last the state
in 64 bits, the observation, and whether the episode terminated or was truncated.
"""

import json

import gymnasium
import numpy

EVERY = 10


def balance(state, observation, draw):
    """Pushes to where the pole falls."""
    return int(3.0 * observation[2] + observation[3] + 0.1 * observation[0] + 0.3 * observation[1] > 0)


def run_up(state, observation, draw):
    """Accelerates to where the car rolls."""
    return 2 if observation[1] >= 0 else 0


def swing(state, observation, draw):
    """Pumps until upright, then holds; sometimes beyond what the motor can do."""
    cosine, sine, velocity = (float(value) for value in observation)
    if cosine > 0.9:
        return float(numpy.float32(-8.0 * sine - 2.0 * velocity))
    return float(numpy.float32(2.5 * numpy.sign(velocity) * draw.uniform(0.2, 1.0)))


RUNS = [
    ("CartPole-v1", 1, None),
    ("CartPole-v1", 2, None),
    ("CartPole-v1", 3, lambda *_: 1),
    ("CartPole-v1", 4, lambda *_: 0),
    ("CartPole-v1", 5, balance),
    ("MountainCar-v0", 1, None),
    ("MountainCar-v0", 2, run_up),
    ("MountainCar-v0", 3, lambda *_: 0),
    ("Pendulum-v1", 7, swing),
    ("Pendulum-v1", 2, lambda *_: 2.0),
    ("Pendulum-v1", 3, lambda *_: -3.0),
]


def record(name, seed, choose):
    environment = gymnasium.make(name, disable_env_checker=True)
    space = environment.action_space
    draw = numpy.random.default_rng(seed)
    observation, _ = environment.reset(seed=seed)
    start = [float(value) for value in environment.unwrapped.state]
    seen = [float(str(value)) for value in observation]
    actions, rewards, states = [], [], []
    over = False
    while not over:
        action = choose(environment.unwrapped.state, observation, draw) if choose else int(draw.integers(space.n))
        given = action if hasattr(space, "n") else numpy.array([action], dtype=numpy.float32)
        observation, reward, terminated, truncated, _ = environment.step(given)
        over = terminated or truncated
        actions.append(action)
        rewards.append(float(reward))
        if over or len(actions) % EVERY == 0:
            states.append(
                {
                    "step": len(actions),
                    "state": [float(value) for value in environment.unwrapped.state],
                    "observation": [float(str(value)) for value in observation],
                    "terminated": bool(terminated),
                    "truncated": bool(truncated),
                }
            )
    if len(set(rewards)) == 1:
        rewards = rewards[:1]
    return {"environment": name, "start": start, "seen": seen, "actions": actions, "rewards": rewards, "states": states}


print("[\n" + ",\n".join(json.dumps(record(*run), separators=(",", ":")) for run in RUNS) + "\n]")
