"""Texts as data: tables, tokenizers, words, batches."""
