import ray

ray.data.read_csv("orders.csv").sort("amount", descending=True).take(10)
