package ecs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/orcray/orcray/shared/fault"
)

// protectMinutes is how long a leased task is safe from the service's own scaling in; its lease ends long before.
const protectMinutes = 24 * 60

// describeMost is how many tasks one DescribeTasks takes.
const describeMost = 100

// fleet is one ECS service and its tasks.
type fleet struct {
	client  *awsecs.Client
	cluster string
	service string
}

// task is a task that the service wants to run.
type task struct {
	arn     string
	address string // private; empty until it has one
	running bool   // and not unhealthy
}

// size is how many tasks a service shall have, and what is in its way.
type size struct {
	desired int
	running int
	starved bool // AWS said lately that it has no capacity
}

// starvedFor is how long a message about missing capacity counts.
const starvedFor = 10 * time.Minute

// size asks for the service's present size.
func (f fleet) size(ctx context.Context, now time.Time) (size, error) {
	out, err := f.client.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: &f.cluster, Services: []string{f.service}})
	if err != nil {
		return size{}, failed(err)
	}
	if len(out.Services) != 1 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return size{}, fault.New(fault.Internal, "The service %s does not exist here. Your operator deploys the application again.", f.service)
	}
	s := out.Services[0]
	starved := slices.ContainsFunc(s.Events, func(e types.ServiceEvent) bool {
		return now.Sub(aws.ToTime(e.CreatedAt)) < starvedFor && starving(aws.ToString(e.Message))
	})
	return size{desired: int(s.DesiredCount), running: int(s.RunningCount), starved: starved && s.RunningCount < s.DesiredCount}, nil
}

func starving(message string) bool {
	return strings.Contains(message, "unable to place a task") || strings.Contains(message, "Capacity is unavailable")
}

// scale sets how many tasks the service shall have; setting it again changes nothing.
func (f fleet) scale(ctx context.Context, desired int) error {
	_, err := f.client.UpdateService(ctx, &awsecs.UpdateServiceInput{Cluster: &f.cluster, Service: &f.service, DesiredCount: aws.Int32(int32(desired))})
	return failed(err)
}

// tasks lists the tasks that the service wants to run, in an order that is the same for everybody.
func (f fleet) tasks(ctx context.Context) ([]task, error) {
	var arns []string
	pages := awsecs.NewListTasksPaginator(f.client, &awsecs.ListTasksInput{Cluster: &f.cluster, ServiceName: &f.service, DesiredStatus: types.DesiredStatusRunning})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err)
		}
		arns = append(arns, page.TaskArns...)
	}
	slices.Sort(arns)
	found := make([]task, 0, len(arns))
	for part := range slices.Chunk(arns, describeMost) {
		some, err := f.describe(ctx, part)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b task) int { return strings.Compare(a.arn, b.arn) })
	return found, nil
}

// alive tells whether a task still runs under this address.
func (f fleet) alive(ctx context.Context, arn, address string) (bool, error) {
	found, err := f.describe(ctx, []string{arn})
	if err != nil {
		return false, err
	}
	return len(found) == 1 && found[0].running && found[0].address == address, nil
}

func (f fleet) describe(ctx context.Context, arns []string) ([]task, error) {
	out, err := f.client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: &f.cluster, Tasks: arns})
	if err != nil {
		return nil, failed(err)
	}
	var found []task
	for _, t := range out.Tasks {
		if aws.ToString(t.DesiredStatus) != "RUNNING" || aws.ToString(t.LastStatus) == "STOPPED" {
			continue
		}
		at := addressOf(t)
		found = append(found, task{arn: aws.ToString(t.TaskArn), address: at,
			running: at != "" && aws.ToString(t.LastStatus) == "RUNNING" && t.HealthStatus != types.HealthStatusUnhealthy})
	}
	return found, nil
}

// addressOf finds the private address of a task's network interface.
func addressOf(t types.Task) string {
	for _, a := range t.Attachments {
		if aws.ToString(a.Type) != "ElasticNetworkInterface" {
			continue
		}
		for _, d := range a.Details {
			if aws.ToString(d.Name) == "privateIPv4Address" {
				return aws.ToString(d.Value)
			}
		}
	}
	return ""
}

// protect keeps the service from choosing a leased task when it scales in.
func (f fleet) protect(ctx context.Context, arn string) error {
	out, err := f.client.UpdateTaskProtection(ctx, &awsecs.UpdateTaskProtectionInput{Cluster: &f.cluster, Tasks: []string{arn},
		ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(protectMinutes)})
	if err != nil {
		return failed(err)
	}
	if len(out.Failures) > 0 {
		return fault.New(fault.Unavailable, "A cell cannot be protected: %s.", aws.ToString(out.Failures[0].Reason))
	}
	return nil
}

// stop ends a task; the service replaces it. A task that is gone is fine.
func (f fleet) stop(ctx context.Context, arn, reason string) error {
	_, err := f.client.StopTask(ctx, &awsecs.StopTaskInput{Cluster: &f.cluster, Task: &arn, Reason: aws.String(cut(reason, 255))})
	if gone(err) {
		return nil
	}
	return failed(err)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
