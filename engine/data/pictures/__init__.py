"""Pictures as data: the data block, files, bands, transforms, the cache, batches."""
