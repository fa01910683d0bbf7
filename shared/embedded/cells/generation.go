package cells

// Name names the head that runs now; a head that was started again has another name, and knows nothing of earlier runs. It is
// empty while there is none.
func (c *Cluster) Name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box == nil {
		return ""
	}
	return c.box.Name
}
