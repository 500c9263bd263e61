"""What hosts are asked for the doctor, network by network, and what their answers mean."""
