"""Distances between torch tensors, where they are: on a CUDA card, or on the CPU by the same code.

Between bytes everything is an integer and exact, so that neighbours are those of the compiled search on the
CPU, ties included. ``search`` are the nearest images, ``deform`` the
deformable distance of pairs; the kernel for CUDA alone is ``kernels.triton_l1``.

Two steps are different on CUDA: products of signed bytes (``torch._int_mm``) instead of products of float64,
and a Triton kernel instead of ``torch.cdist``. Without a card, the products are tested by a stand-in that
asks for what cards ask for, the kernel in Triton's interpreter and by building it for three kinds of cards.
This code was written without a CUDA card at hand: on one it has not been run yet, and no time was taken.
``python -m benchmarks.on_device`` checks and measures it there.

Nothing here imports torch before it is called.
"""
