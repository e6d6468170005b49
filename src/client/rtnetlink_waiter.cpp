#include "client/rtnetlink_waiter.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include <array>
#include <memory>

namespace graft::client {
namespace {

Result<int64_t> receive(Rtnetlink& rtnetlink, Trap& trap, int socket, const IncomingMessage& message) {
    const Rtnetlink::Received received = TRY(rtnetlink.receive(socket, {message.capacity(), message.control_capacity, message.flags}));
    return write_received(trap, message, received);
}

Outcome to_outcome(const Result<int64_t>& result) { return result.ok() ? Outcome::value(result.value()) : Outcome::error(result.error()); }

bool may_wait(int socket, const IncomingMessage& message) {
    return (message.flags & MSG_DONTWAIT) == 0 && (fcntl(socket, F_GETFL) & O_NONBLOCK) == 0;
}

// SO_RCVTIMEO as a descriptor that becomes readable; none: for ever.
Fd time_limit(int socket) {
    timeval limit{};
    socklen_t size = sizeof limit;
    if (getsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) != 0 || (limit.tv_sec == 0 && limit.tv_usec == 0)) return {};
    Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec when{};
    when.it_value = {limit.tv_sec, limit.tv_usec * 1000};
    if (timer && timerfd_settime(timer.get(), 0, &when, nullptr) != 0) timer.close();
    return timer;
}

// One waiting call.  Kept alive by the loop's callbacks; used on the loop's thread only.
class Waiter : public std::enable_shared_from_this<Waiter> {
public:
    Waiter(Rtnetlink& rtnetlink, EventLoop& loop, std::shared_ptr<Trap> trap, Fd socket, IncomingMessage message)
        : rtnetlink_(rtnetlink),
          loop_(loop),
          trap_(std::move(trap)),
          socket_(std::move(socket)),
          timer_(time_limit(socket_.get())),
          message_(std::move(message)) {}

    void start() {
        const auto self = shared_from_this();
        trap_->when_gone([self] { self->loop_.post([self] { self->end(); }); });
        if (timer_ && !loop_.watch(timer_.get(), EPOLLIN, [self](uint32_t) { self->answer(Outcome::error(EAGAIN)); }).ok()) timer_.close();
        if (!loop_.watch(socket_.get(), EPOLLIN, [self](uint32_t) { self->look(); }).ok()) answer(Outcome::error(ENOMEM));
    }

private:
    void look() {
        if (!trap_) return;
        const Result<int64_t> result = receive(rtnetlink_, *trap_, socket_.get(), message_);
        if (result.code() != EAGAIN) answer(to_outcome(result));  // EAGAIN: what was there was nothing for a client
    }
    void answer(Outcome outcome) {
        const auto trap = trap_;
        end();
        if (trap) trap->finish(std::move(outcome));
    }
    void end() {
        if (!trap_) return;
        trap_->when_gone({});
        trap_.reset();
        const auto self = shared_from_this();  // the callbacks that go now may be the last to hold this
        loop_.unwatch(socket_.get());
        if (timer_) loop_.unwatch(timer_.get());
        socket_.close();
        timer_.close();
    }

    Rtnetlink& rtnetlink_;
    EventLoop& loop_;
    std::shared_ptr<Trap> trap_;
    Fd socket_, timer_;
    IncomingMessage message_;
};

}  // namespace

Outcome receive_or_wait(Rtnetlink& rtnetlink, EventLoop& loop, const std::shared_ptr<Trap>& trap, Fd socket,
                        const IncomingMessage& message) {
    const Result<int64_t> result = receive(rtnetlink, *trap, socket.get(), message);
    if (result.code() != EAGAIN || !may_wait(socket.get(), message)) return to_outcome(result);
    const auto waiter = std::make_shared<Waiter>(rtnetlink, loop, trap, std::move(socket), message);
    loop.post([waiter] { waiter->start(); });
    return Outcome::later();
}

}  // namespace graft::client
