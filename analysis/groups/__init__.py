"""Splits that keep groups apart: does a model learn the task or who wrote it? (Geva 2019)"""
