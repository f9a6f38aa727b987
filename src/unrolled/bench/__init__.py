"""Speed beside PyTorch, JAX and ONNX Runtime, on the machine at hand: what ``unrolled bench`` runs.

Every thread count has a process of its own (:mod:`~unrolled.bench.worker`), pinned to as many cores. In it all
libraries take turns (:mod:`~unrolled.bench.timing`) at the same task, after their results have been compared
(:mod:`~unrolled.bench.comparison`) and the machine's own limits have been measured (:mod:`~unrolled.bench.roofline`).
"""
