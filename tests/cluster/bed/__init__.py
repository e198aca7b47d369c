"""A real Kubernetes cluster on one Linux machine, for the tests; every part is a context manager.

house       where a bed keeps its files, and how what a dead one left is found and removed
daemon      one program with a log: start it, wait until it is ready, stop it
network     a bridge that pods and the machine share
control     etcd, API server, controller manager, scheduler
node        containerd and kubelet, in namespaces of their own
kwok        nodes and pods that are simulated, by the thousand
policies    a firewall that has a node keep to NetworkPolicies
registry    one private image, for those who have the password
images      what the node runs, made without a registry
cluster     all of it together, as the fixtures give it to the tests

Nothing outlives the test process, not even where that is killed: each program gets SIGKILL when its parent
dies, and a node's namespaces take its containers, mounts and interfaces with them. What is left then is a
bridge, empty cgroups and files; the next start removes these.
"""
