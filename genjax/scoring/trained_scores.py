"""Scores by networks that are trained for the purpose, on what a run generated."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax import data
from genjax.metrics import copies, pixels
from genjax.scoring import classifier_training
from genjax.scoring.classifier_network import Small, apply, classify
from genjax.scoring.protocols import Context, Group
from genjax.training.sweep import compiled
from genjax.types import Dataset

DISCRIMINATOR_STEPS = 300
STUDENT_STEPS = 1000
JSD_RULES = 2  # as protocols.RULES, of this group: images that come again are seen


def discriminator(context: Context) -> Group:
  """How well a fresh network tells generated from training images: four fifths of them train it.

  What it cannot tell, generated images that come again, `repetition_bound` does: the larger of both
  lower bounds is the score.
  """
  train, validation = context.splits.train.image, context.splits.validation.image
  shape = train.shape[1:]
  count = min(context.count, len(train)) * 4 // 5
  # Where the validation images stand for generated ones in the floor, others must be the real ones.
  others = validation if context.settings.split == "test" else train[count:]
  rest = min(context.count - count, len(others))
  model = classifier_training.make(shape, 2, DISCRIMINATOR_STEPS)
  network = apply(Small(2))

  def bound(fake: Array, real: Array, unseen: Array) -> Array:
    """Of images `[N, H, W, C]` uint8; `unseen` are real ones that nothing was trained on."""
    label = jnp.arange(2 * count, dtype=jnp.int32) // count
    dataset = Dataset(jnp.concatenate([fake[:count], real]), label)
    run = classifier_training.run_of(context.settings.seed)
    params = classifier_training.fit(model, run, dataset, DISCRIMINATOR_STEPS)

    def logit(images: Array) -> Array:
      both = classify(network, params, images)[1]
      return both[:, 1] - both[:, 0]

    by_network = pixels.jensen_shannon_bound(logit(unseen), logit(fake[count : count + rest]))
    sets = unseen, fake[count : count + rest], fake[:count]
    rows = [x.reshape(len(x), -1).astype(jnp.float32) for x in sets]
    return jnp.maximum(by_network, copies.repetition_bound(*rows))

  every, once = context.vectorised(bound), compiled(bound)
  real = jnp.asarray(train[:count]), jnp.asarray(others[:rest])
  return Group(
    context.protocol(
      "discriminator",
      rules=JSD_RULES,
      steps=DISCRIMINATOR_STEPS,
      training_images=2 * count,
      images=2 * rest,
    ),
    context.names("discriminator") if rest >= copies.LEAST_OTHERS else (),
    lambda block, names: {"jsd": np.asarray(every(block.images, *real))},
    lambda names: {"jsd": float(once(jnp.asarray(context.held.image[: context.count]), *real))},
  )


def student(context: Context) -> Group:
  """How well a classifier of generated images knows real ones (Ravuri & Vinyals 2019)."""
  shape, num_classes = context.splits.train.image.shape[1:], context.splits.num_classes
  model = classifier_training.make(shape, num_classes, STUDENT_STEPS)
  network = apply(Small(num_classes))
  held = data.first(context.held, context.count)

  def accuracy(images: Array, labels: Array, real: Array, answers: Array) -> Array:
    run = classifier_training.run_of(context.settings.seed)
    params = classifier_training.fit(model, run, Dataset(images, labels), STUDENT_STEPS)
    return pixels.label_agreement(classify(network, params, real)[1], answers)

  every, once = context.vectorised(accuracy), compiled(accuracy)
  asked, real = jnp.asarray(context.labels, jnp.int32), data.to_device(held)
  train = data.to_device(data.first(context.splits.train, context.count))
  return Group(
    context.protocol(
      "student", steps=STUDENT_STEPS, training_images=context.count, images=len(held.label)
    ),
    context.names("student"),
    lambda block, names: {"cas": np.asarray(every(block.images, asked, *real))},
    lambda names: {"cas": float(once(*train, *real))},
  )
