// <sys/socket.h> for the BPF target, as far as the headers of linux/ need it; glibc's is made for hosts.
#pragma once
struct sockaddr {
    unsigned short sa_family;
    char sa_data[14];
};
