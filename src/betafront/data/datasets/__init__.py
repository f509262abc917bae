"""Any `torch.utils.data.Dataset` as data: held in memory, or streamed by a DataLoader."""
