import ray

ray.data.read_csv("orders.csv").filter(expr="amount > 500").count()
