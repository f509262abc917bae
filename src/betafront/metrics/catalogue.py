"""Which way of a metric is better."""

# 0 is the worst that each of them says of anything of interest.
BETTER_HIGH = frozenset(
    {
        "active_units", "beta_vae_score", "dci_accuracy", "dci_completeness",
        "dci_disentanglement", "dci_informativeness", "explicitness", "factor_vae_score", "irs",
        "knn_probe", "linear_probe", "mig", "modularity", "modularity_active", "psnr", "sap",
        "ssim",
    }
)  # fmt: skip


def direction(metric: str) -> str:
    """`maximize` where more of a metric is better whatever the model is for, else `minimize`.

    Args:
        metric: as `split/name`.
    """
    return "maximize" if metric.rpartition("/")[2] in BETTER_HIGH else "minimize"
