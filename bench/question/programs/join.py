import ray

orders = ray.data.read_csv("orders.csv")
customers = ray.data.read_csv("customers.csv")
joined = orders.join(customers, join_type="inner", num_partitions=1, on=("customer",))
joined.groupby("segment").sum("amount").take_all()
