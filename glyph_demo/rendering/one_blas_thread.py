"""Imports NumPy with one BLAS thread. OpenBLAS starts a thread for every other core as soon as NumPy is imported, and
each spins before it sleeps (THREAD_TIMEOUT in its sources): 50 CPU ms on 2 cores, a third of a cold rendering, and
nothing here multiplies matrices with NumPy. Does nothing where NumPy is imported already or the user has set a count.
The variable is removed afterwards, so that it does not bind other libraries."""

from __future__ import annotations

import os
import sys

_VARIABLE = "OPENBLAS_NUM_THREADS"

if "numpy" not in sys.modules and not {_VARIABLE, "OMP_NUM_THREADS"} & os.environ.keys():
    os.environ[_VARIABLE] = "1"
    try:
        import numpy  # noqa: F401
    finally:
        del os.environ[_VARIABLE]
