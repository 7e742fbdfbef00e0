"""Runs: everything that changes accounts or people goes through here, from any face.

``start`` freezes a selection, ``advance`` works it off batch by batch, ``control`` stops and resumes, ``undo`` takes back.
"""
