"""Configs of workdirs that older code left: the keys that came since, with what was meant then."""

# What format 1 had no keys for, and meant: these values never change.
BEFORE_KEYS = {
  "vae": {"reconstruction": "sum", "initialiser": "lecun_normal", "optimiser_rule": "optax"},
  "gan": {
    "critic_warmup": 0,
    "clipped": "weights",
    "clip_first": False,
    "half_batches": False,
    "label_noise": 0.0,
    "initialiser": "lecun_normal",
    "batch_norm": "torch",
    "optimiser_rule": "optax",
  },
}
# Keys that came later without another format, and what was meant before they did.
LATER_KEYS = {
  "vae": {
    "contrasts": "",
    "mark": [],
    "data": {"background": "white"},
    "model": {"precision": "float32"},
    "sweep": {"b2": [0.999], "decay_steps": [0.0], "seeds_at_once": 0},
  },
  "gan": {
    "contrasts": "",
    "mark": [],
    "data": {"background": "white"},
    "model": {"spectral_norm": False, "shared_images": False, "precision": "float32"},
    "sweep": {
      "b2": [0.999],
      "decay_steps": [0.0],
      "critic_learning_rate": [0.0],
      "seeds_at_once": 0,
    },
  },
}


def of_format_1(config: dict) -> dict:
  """A config of format 1 with what that had no keys for."""
  return _with({"model": BEFORE_KEYS.get(_model(config), {})}, config)


def completed(config: dict) -> dict:
  """A config with the keys that came since."""
  return _with(LATER_KEYS.get(_model(config), {"sweep": {"seeds_at_once": 0}}), config)


def _model(config: dict) -> str:
  return config.get("model", {}).get("name")


def _with(added: dict, config: dict) -> dict:
  """A config with those keys where it has none; for each of a model there is one of a grid."""
  added = added | {"grid": {key: [] for key in added.get("model", {})}}
  parts = {part: keys for part, keys in added.items() if isinstance(keys, dict)}
  alone = {key: value for key, value in added.items() if key not in parts}
  return alone | config | {part: parts[part] | config[part] for part in parts if part in config}
