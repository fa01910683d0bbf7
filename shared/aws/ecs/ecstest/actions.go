package ecstest

import (
	"slices"
	"strings"
	"time"
)

// input has what any of the actions takes.
type input struct {
	Cluster           string   `json:"cluster"`
	Service           string   `json:"service"`
	Services          []string `json:"services"`
	ServiceName       string   `json:"serviceName"`
	DesiredStatus     string   `json:"desiredStatus"`
	DesiredCount      *int     `json:"desiredCount"`
	Task              string   `json:"task"`
	Tasks             []string `json:"tasks"`
	Reason            string   `json:"reason"`
	Count             int      `json:"count"`
	ClientToken       string   `json:"clientToken"`
	MaxResults        int      `json:"maxResults"`
	NextToken         string   `json:"nextToken"`
	ProtectionEnabled bool     `json:"protectionEnabled"`
}

type object = map[string]any

// answer does an action; the refusal is "Code: text".
func (s *Server) answer(action string, in input) (out object, refusal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Cluster != cluster {
		return nil, "ClusterNotFoundException: Cluster not found."
	}
	do, known := map[string]func(input) (object, string){
		"ListTasks": s.listTasks, "DescribeTasks": s.describeTasks, "RunTask": s.runTask, "StopTask": s.stopTask,
		"DescribeServices": s.describeServices, "UpdateService": s.updateService, "UpdateTaskProtection": s.protect,
	}[action]
	if !known {
		return nil, "UnknownOperationException: " + action
	}
	return do(in)
}

// pageSize is small, so that every list has pages.
const pageSize = 3

func (s *Server) listTasks(in input) (object, string) {
	if in.ServiceName != "" && s.services[in.ServiceName] == nil {
		return nil, "ServiceNotFoundException: Service not found."
	}
	var arns []string
	for _, t := range s.tasks {
		if (in.ServiceName == "" || t.group == in.ServiceName) && (in.DesiredStatus == "" || t.desired == in.DesiredStatus) && t.arn > in.NextToken {
			arns = append(arns, t.arn)
		}
	}
	slices.Sort(arns)
	if len(arns) <= pageSize {
		return object{"taskArns": arns}, ""
	}
	return object{"taskArns": arns[:pageSize], "nextToken": arns[pageSize-1]}, ""
}

func (s *Server) describeTasks(in input) (object, string) {
	if len(in.Tasks) == 0 || len(in.Tasks) > 100 {
		return nil, "InvalidParameterException: 1 to 100 tasks."
	}
	tasks, failures := []object{}, []object{}
	for _, arn := range in.Tasks {
		if t := s.tasks[arn]; t != nil {
			tasks = append(tasks, t.show())
		} else {
			failures = append(failures, object{"arn": arn, "reason": "MISSING"})
		}
	}
	return object{"tasks": tasks, "failures": failures}, ""
}

// show gives a task as the wire has it. It gets its address while it starts.
func (t *task) show() object {
	health := "UNKNOWN"
	if t.last == "RUNNING" {
		health = "HEALTHY"
	}
	attachment := object{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": []object{
		{"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": t.address}}}
	return object{"taskArn": t.arn, "lastStatus": t.last, "desiredStatus": t.desired, "healthStatus": health, "group": "service:" + t.group,
		"stoppedReason": t.reason, "attachments": []object{attachment}}
}

func (s *Server) runTask(in input) (object, string) {
	if in.Count == 0 {
		in.Count = 1
	}
	if in.Count > 10 {
		return nil, "InvalidParameterException: count is at most 10."
	}
	arns, again := s.tokens[in.ClientToken]
	failures := []object{}
	for range in.Count {
		if again {
			break
		}
		t := s.start("")
		if t == nil {
			failures = append(failures, object{"reason": "Capacity is unavailable at this time. Please try again later."})
			continue
		}
		arns = append(arns, t.arn)
	}
	if in.ClientToken != "" {
		s.tokens[in.ClientToken] = arns
	}
	tasks := []object{}
	for _, arn := range arns {
		tasks = append(tasks, s.tasks[arn].show())
	}
	return object{"tasks": tasks, "failures": failures}, ""
}

func (s *Server) stopTask(in input) (object, string) {
	t := s.tasks[in.Task]
	if t == nil {
		return nil, "InvalidParameterException: The referenced task was not found."
	}
	s.end(t, in.Reason)
	s.reconcile()
	return object{"task": t.show()}, ""
}

func (s *Server) describeServices(in input) (object, string) {
	services, failures := []object{}, []object{}
	for _, name := range in.Services {
		v := s.services[name]
		if v == nil {
			failures = append(failures, object{"arn": name, "reason": "MISSING"})
			continue
		}
		services = append(services, s.showService(v))
	}
	return object{"services": services, "failures": failures}, ""
}

func (s *Server) showService(v *service) object {
	running, pending := 0, 0
	for _, t := range s.tasks {
		switch {
		case t.group != v.name || t.last == "STOPPED":
		case t.last == "RUNNING":
			running++
		default:
			pending++
		}
	}
	events := []object{}
	for _, message := range v.events {
		events = append(events, object{"createdAt": float64(time.Now().UnixMilli()) / 1000, "message": message})
	}
	return object{"serviceName": v.name, "status": "ACTIVE", "desiredCount": v.desired, "runningCount": running, "pendingCount": pending, "events": events}
}

func (s *Server) updateService(in input) (object, string) {
	v := s.services[in.Service]
	if v == nil {
		return nil, "ServiceNotFoundException: Service not found."
	}
	if in.DesiredCount != nil {
		v.desired = *in.DesiredCount
	}
	s.reconcile()
	return object{"service": s.showService(v)}, ""
}

func (s *Server) protect(in input) (object, string) {
	failures := []object{}
	for _, arn := range in.Tasks {
		t := s.tasks[arn]
		if t == nil || t.desired == "STOPPED" || !strings.HasPrefix(arn, "arn:") {
			failures = append(failures, object{"arn": arn, "reason": "TASK_NOT_VALID"})
			continue
		}
		t.protected = in.ProtectionEnabled
	}
	return object{"protectedTasks": []object{}, "failures": failures}, ""
}
