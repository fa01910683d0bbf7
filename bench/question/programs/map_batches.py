import ray


def double(batch):
    batch["twice"] = batch["amount"] * 2
    return batch


ray.data.read_csv("orders.csv").map_batches(double, batch_format="pandas").sum("twice")
