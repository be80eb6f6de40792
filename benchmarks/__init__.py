"""Measurements and pictures of the engines, each made by one command."""
