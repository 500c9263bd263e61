"""What becomes of a packet in VPCs, said without a kernel."""
