/* A chassis in memory for OpenIPMI's ipmi_sim (2.0.33), loaded as a module. It spares the popen("/bin/sh
 * ...") that the simulator's own chassis_control costs on every Get Chassis Status.
 *
 * lan.conf:  loadlib "/path/memchassis.so" "delay_ms=0 strict=0 log=/path/file"
 *   delay_ms  the power follows a command after this many ms; 0: at once
 *   strict    1: reset, diag and soft of a system that is off fail, as many real BMCs do
 *   log       every chassis write as a line "<monotonic seconds> <operation> <value>", the witness of what
 * really happened
 */
#include <OpenIPMI/lanserv.h>
#include <OpenIPMI/mcserv.h>
#include <OpenIPMI/serv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int power, wanted, delay_ms, strict;
static struct timespec due;
static FILE* witness;

static void settle(void)
{
    struct timespec now;
    if (power == wanted)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > due.tv_sec || (now.tv_sec == due.tv_sec && now.tv_nsec >= due.tv_nsec))
        power = wanted;
}

static void follow(int state, struct timespec now)
{
    wanted = state;
    due = now;
    due.tv_sec += delay_ms / 1000;
    due.tv_nsec += (delay_ms % 1000) * 1000000L;
    if (due.tv_nsec >= 1000000000L) {
        due.tv_nsec -= 1000000000L;
        due.tv_sec++;
    }
    settle();
}

static char const* operation(int op)
{
    switch (op) {
    case CHASSIS_CONTROL_POWER:
        return "power";
    case CHASSIS_CONTROL_RESET:
        return "reset";
    case CHASSIS_CONTROL_BOOT:
        return "boot";
    case CHASSIS_CONTROL_GRACEFUL_SHUTDOWN:
        return "soft";
    case CHASSIS_CONTROL_IDENTIFY:
        return "identify";
    default:
        return "other";
    }
}

static int set(lmc_data_t* mc, int op, unsigned char* value, void* data)
{
    struct timespec now;
    (void)mc;
    (void)data;
    clock_gettime(CLOCK_MONOTONIC, &now);
    settle();
    if (strict && !power && (op == CHASSIS_CONTROL_RESET || op == CHASSIS_CONTROL_GRACEFUL_SHUTDOWN))
        return EINVAL;
    if (witness) {
        fprintf(witness, "%ld.%06ld %s %d\n", (long)now.tv_sec, now.tv_nsec / 1000, operation(op),
            value ? *value : 0);
        fflush(witness);
    }
    if (op == CHASSIS_CONTROL_POWER)
        follow(value && *value, now);
    if (op == CHASSIS_CONTROL_GRACEFUL_SHUTDOWN)
        follow(0, now);
    return 0;
}

static int get(lmc_data_t* mc, int op, unsigned char* value, void* data)
{
    (void)mc;
    (void)data;
    settle();
    *value = op == CHASSIS_CONTROL_POWER ? (unsigned char)power : 0;
    return 0;
}

int ipmi_sim_module_print_version(sys_data_t* sys, char const* options)
{
    (void)sys;
    (void)options;
    printf("memchassis 2\n");
    return 0;
}

int ipmi_sim_module_init(sys_data_t* sys, char const* options)
{
    lmc_data_t* mc;
    char const* at;
    int error;
    if (options && (at = strstr(options, "delay_ms=")))
        delay_ms = atoi(at + 9);
    if (options && (at = strstr(options, "strict=")))
        strict = atoi(at + 7);
    if (options && (at = strstr(options, "log="))) {
        char path[1024];
        if (sscanf(at + 4, "%1023s", path) == 1)
            witness = fopen(path, "a");
    }
    error = sys->mc_alloc_unconfigured(sys, 0x20, &mc);
    if (error)
        return error;
    ipmi_mc_set_chassis_control_func(mc, set, get, NULL);
    return 0;
}
