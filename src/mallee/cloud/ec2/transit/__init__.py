"""Transit gateways: attachments of VPCs and of each other, and the tables by which they lead."""
