"""A vocabulary shared out by JAX's `shard_map`, over processes that `jax.distributed` puts together by gloo.

gradcheck ranks examples/ranks/shard_map_loss.py:vocabulary --ranks 2 --even --max-examples 20 --time-limit 60
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

jax.config.update("jax_enable_x64", True)  # or float64 would be float32
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_cpu_collectives_implementation", "gloo")
if int(os.environ["WORLD_SIZE"]) > 1:
    place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    jax.distributed.initialize(place, int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"]))

MESH, OWN, ALL = Mesh(np.array(jax.devices()), ("ranks",)), PartitionSpec("ranks"), PartitionSpec()


def of_a_rank(theta, b, X, y):
    """The loss of the whole and the gradients of this rank's classes, with a leading axis of ranks where each has its own."""
    Z, rows = X @ theta.T + b, jnp.arange(len(y))
    Z = Z - jax.lax.pmax(Z.max(1), "ranks")[:, None]
    powers, at = jnp.exp(Z), y - jax.lax.axis_index("ranks") * len(theta)
    inside = (at >= 0) & (at < len(theta))
    at = jnp.where(inside, at, 0)
    sums, label = jax.lax.psum((powers.sum(1), jnp.where(inside, Z[rows, at], 0)), "ranks")
    D = (powers / sums[:, None]).at[rows, at].add(-inside.astype(Z.dtype)) / len(y)
    return (jnp.log(sums) - label).mean()[None], D.T @ X, D.sum(0), (D @ theta)[None], D[None]


whole = jax.jit(jax.shard_map(of_a_rank, mesh=MESH, in_specs=(OWN, OWN, ALL, ALL), out_specs=(OWN,) * 5))


def vocabulary(theta: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray):
    """Right. What is handed over is this process's part of arrays that all of them have together, and so is what is returned."""
    given = zip((theta, b, X, y), (OWN, OWN, ALL, ALL), strict=True)
    arrays = [jax.make_array_from_process_local_data(NamedSharding(MESH, how), part) for part, how in given]
    loss, G, g, back, D = (np.asarray(found.addressable_shards[0].data) for found in whole(*arrays))
    return {"loss": loss[0], "theta": G, "b": g, "X": back[0], "Z": D[0]}
