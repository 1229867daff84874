"""Chromium: find it, launch it, render pages in it, and keep a user's session."""
