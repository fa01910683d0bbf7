"""Worker nodes on demand: a node provider for Ray's autoscaler, over ECS tasks or processes of this machine."""
