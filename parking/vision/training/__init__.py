NETWORKS = ("reader", "finder", "look")
