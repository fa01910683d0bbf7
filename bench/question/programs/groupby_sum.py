import ray

ray.data.read_csv("orders.csv").groupby("region").sum("amount").take_all()
