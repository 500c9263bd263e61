"""Recipes: short texts that become images, built layer by layer in namespaces of their own."""
