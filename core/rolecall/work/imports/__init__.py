"""Imports of people from files and roster sources (R6): stage and preview, confirm, apply.

A staged import is a ``draft`` run whose items are the preview; nothing else of the database is changed until it is confirmed.
"""
