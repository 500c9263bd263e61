"""The cloud, its front ends, zones and hosts."""
