! SPDX-License-Identifier: BSD-3-Clause
! The calls of module pmx do what the C calls do, for any number of ranks. Prints ok.
module checks
  use pmx
  implicit none
  integer :: n_bad = 0
contains
  subroutine check(good, what)
    logical, intent(in) :: good
    character(*), intent(in) :: what
    if (good) return
    print '(2a)', "FAIL: ", what
    n_bad = n_bad + 1
  end subroutine

  subroutine expect(code, expected, what)
    integer(c_int), intent(in) :: code, expected
    character(*), intent(in) :: what
    call check(code == expected, what//": "//pmx_error_string(code)//": "//pmx_last_error_detail())
  end subroutine

  ! A block of a launch: counts itself in the word that arg points to.
  subroutine count_block(arg) bind(C)
    type(c_ptr), value :: arg
    type(c_ptr), pointer :: addresses(:)
    integer(c_int64_t), pointer :: word
    integer(c_int), pointer :: rank
    call c_f_pointer(arg, addresses, [2])
    call c_f_pointer(addresses(1), word)
    call c_f_pointer(addresses(2), rank)
    call pmx_signal_add(PMX_CTX_DEFAULT, word, 1_c_int64_t, rank)
  end subroutine
end module

program calls
  use checks
  implicit none
  integer(c_int), target :: rank
  integer(c_int) :: size, code, number
  character(:), allocatable :: text

  call before_init()
  call pmx_init_thread(PMX_THREAD_MULTIPLE, number)
  call check(number == PMX_THREAD_MULTIPLE, "init_thread")
  call pmx_rank(rank)
  call pmx_size(size)
  call queries()
  call memory()
  call strided()
  call contexts()
  call groups()
  call blocks()
  call teams()
  call jobs()
  call refused()
  call pmx_finalize()
  call pmx_initialized(number, code)
  call expect(code, PMX_SUCCESS, "initialized")
  call check(number == 0, "initialized behind finalize")
  if (n_bad > 0) error stop 1
  if (rank == 0) print '(a)', "ok"

contains

  subroutine before_init()
    character(16) :: short
    character(2) :: too_short
    type(pmx_param_info_t) :: info
    call pmx_version(text)
    call check(text == "0.1.0", "version is "//text)
    call pmx_abi_version(number)
    call check(number == PMX_ABI_VERSION_NUMBER, "abi_version")
    call pmx_error_class(PMX_ERR_TIMEOUT, number)
    call check(number == PMX_CLASS_OPERATION, "error_class")
    call check(pmx_error_report(PMX_ERR_AGAIN, "from Fortran ") == PMX_ERR_AGAIN, "error_report gives the code")
    call check(pmx_last_error_detail() == "from Fortran", "detail is "//pmx_last_error_detail())
    call pmx_param_set("HEAP_SIZE", "32m")
    call pmx_param_get("HEAP_SIZE", short)
    call check(short == "32m", "param_get gives "//short)
    call pmx_param_get("HEAP_SIZE", too_short, code)
    call expect(code, PMX_ERR_ARGUMENT, "param_get of what does not fit")
    call pmx_param_list(0_c_int, info)
    call check(pmx_text(info%name) == "HEAP_SIZE", "param_list gives "//pmx_text(info%name))
    call pmx_rank(number, code)
    call expect(code, PMX_ERR_STATE, "rank before init")
  end subroutine

  subroutine queries()
    type(pmx_topology_t) :: topology
    type(pmx_transport_info_t) :: transport
    type(pmx_heap_info_t) :: heap
    call pmx_initialized(number)
    call check(number == 1, "initialized")
    call pmx_node_rank(number)
    call check(number == rank, "node_rank")
    call pmx_node_size(number)
    call check(number == size, "node_size")
    call pmx_topology_query(topology)
    call check(topology%n_nodes == 1 .and. topology%n_cores >= 1, "topology_query")
    call pmx_transport_query(transport)
    call check(transport%n_direct_ranks + transport%n_network_ranks == size, "transport_query")
    if (size == 1) call check(pmx_text(transport%transport) == "self", "transport of one rank")
    call pmx_heap_query(heap)
    call check(heap%heap_bytes >= 32 * 2_c_size_t**20, "heap_query")
  end subroutine

  ! Words around the ring, by put_signal, put and fence, and get.
  subroutine memory()
    integer(c_size_t), parameter :: n = 100
    integer(c_int64_t), pointer :: words(:), from_left(:), copy(:), flags(:)
    type(c_ptr) :: own, address, direct
    integer(c_int) :: left, right, hit
    integer(c_int64_t) :: seen
    integer :: i
    right = mod(rank + 1, size)
    left = mod(rank + size - 1, size)
    call pmx_malloc(n * 8, own)
    call c_f_pointer(own, words, [n])
    call pmx_aligned_alloc(4096_c_size_t, n * 8, address)
    call c_f_pointer(address, from_left, [n])
    call pmx_malloc(n * 8, address)
    call c_f_pointer(address, copy, [n])
    call pmx_calloc(4_c_size_t, 8_c_size_t, address)
    call c_f_pointer(address, flags, [4])
    words = [(rank * 1000_c_int64_t + i, i=1, n)]

    call pmx_put_signal_nbi(PMX_CTX_DEFAULT, from_left, words, n * 8, flags(1), 7_c_int64_t, PMX_SIGOP_SET, right)
    call pmx_signal_wait(PMX_CTX_DEFAULT, flags(1), PMX_CMP_EQ, 7_c_int64_t, left, 0_c_int64_t, seen)
    call check(seen == 7, "value of signal_wait")
    call check(all(from_left == [(left * 1000_c_int64_t + i, i=1, n)]), "data of put_signal_nbi")
    call pmx_signal_test(PMX_CTX_DEFAULT, flags(1), PMX_CMP_GT, 7_c_int64_t, hit)
    call check(hit == 0, "signal_test")
    call pmx_barrier()

    ! One word, and the signal behind a fence.
    call pmx_put_nbi(PMX_CTX_DEFAULT, from_left(5), words(6), 8_c_size_t, right)
    call pmx_fence_rank(PMX_CTX_DEFAULT, right)
    call pmx_signal_set(PMX_CTX_DEFAULT, flags(2), 3_c_int64_t, right)
    call pmx_signal_wait(PMX_CTX_DEFAULT, flags(2), PMX_CMP_GE, 3_c_int64_t, PMX_RANK_ANY, 0_c_int64_t)
    call check(from_left(5) == left * 1000 + 6, "data of put_nbi of one word")

    call pmx_get_nbi(PMX_CTX_DEFAULT, copy, words, n * 8, right)
    call pmx_quiet(PMX_CTX_DEFAULT)
    call check(all(copy == [(right * 1000_c_int64_t + i, i=1, n)]), "data of get_nbi")
    call pmx_ptr(own, rank, direct)
    call check(c_associated(direct, own), "ptr of the own rank")

    call pmx_signal_wait(PMX_CTX_DEFAULT, flags(4), PMX_CMP_EQ, 1_c_int64_t, rank, 1000000_c_int64_t, ierror=code)
    call expect(code, PMX_ERR_TIMEOUT, "signal_wait for nothing")
    call pmx_fence(PMX_CTX_DEFAULT)
    call pmx_barrier()
    call pmx_free(c_loc(flags))
    call pmx_free(c_loc(copy))
    call pmx_free(c_loc(from_left))
    call pmx_free(own)
  end subroutine

  ! A section with gaps is refused, one without is taken, of any type and rank.
  subroutine strided()
    real(c_double), pointer :: grid(:, :)
    type(c_ptr) :: address
    call pmx_malloc(8_c_size_t * 6 * 5, address)
    call c_f_pointer(address, grid, [6, 5])
    grid = rank
    call pmx_put_nbi(PMX_CTX_DEFAULT, grid(:, 2), grid(:, 1), 48_c_size_t, rank, code)
    call expect(code, PMX_SUCCESS, "a column")
    call pmx_put_nbi(PMX_CTX_DEFAULT, grid(2, :), grid(:, 1), 40_c_size_t, rank, code)
    call expect(code, PMX_ERR_ARGUMENT, "a row")
    call check(index(pmx_last_error_detail(), "dst_sym is not contiguous") > 0, "detail: "//pmx_last_error_detail())
    call pmx_quiet(PMX_CTX_DEFAULT)
    call pmx_barrier()
    call pmx_free(address)
  end subroutine

  subroutine contexts()
    type(pmx_ctx_attr_t) :: attr
    type(pmx_ctx_t) :: ctx, other
    type(pmx_counters_t) :: counters
    attr%order = PMX_ORDER_DEFERRED
    attr%signals = PMX_SIGNALS_GROUPED
    attr%n_queues = 2
    call pmx_ctx_create(attr, ctx)
    call check(ctx /= PMX_CTX_DEFAULT .and. ctx == ctx, "a context of its own")
    call pmx_ctx_query(ctx, attr)
    call check(attr%order == PMX_ORDER_DEFERRED .and. attr%signals == PMX_SIGNALS_GROUPED, "ctx_query")
    call pmx_ctx_create(ctx_out=other)
    call pmx_ctx_free(other)
    call pmx_counters_reset(ctx)
    call pmx_dump(2)
    call pmx_counters_get(ctx, counters)
    call check(counters%puts == 0 .and. counters%size_bytes == c_sizeof(counters), "counters_get")
    call pmx_ctx_free(ctx)
  end subroutine

  subroutine groups()
    type(pmx_group_t) :: group
    integer(c_int64_t), pointer :: words(:)
    type(c_ptr) :: address
    integer(c_int) :: right
    right = mod(rank + 1, size)
    call pmx_calloc(4_c_size_t, 8_c_size_t, address)
    call c_f_pointer(address, words, [4])
    words(1) = rank + 10
    call pmx_barrier()
    call pmx_group_begin(PMX_CTX_DEFAULT, right, group)
    call pmx_group_put(group, words(2), words(1), 8_c_size_t)
    call pmx_group_signal(group, words(3), 1_c_int64_t, PMX_SIGOP_ADD)
    call pmx_group_commit(group)
    call pmx_signal_wait(PMX_CTX_DEFAULT, words(3), PMX_CMP_EQ, 1_c_int64_t, PMX_RANK_ANY, 0_c_int64_t)
    call check(words(2) == mod(rank + size - 1, size) + 10, "data of a group")
    call pmx_quiet(PMX_CTX_DEFAULT)
    call pmx_free(address)
  end subroutine

  subroutine blocks()
    integer(c_int64_t), pointer :: word
    type(c_ptr) :: address
    type(c_ptr), target :: addresses(2)
    type(c_funptr) :: fn
    call pmx_calloc(1_c_size_t, 8_c_size_t, address)
    call c_f_pointer(address, word)
    addresses = [address, c_loc(rank)]
    fn = c_funloc(count_block)
    call pmx_launch(fn, 3_c_int, 2_c_int, c_loc(addresses))
    call pmx_quiet(PMX_CTX_DEFAULT)
    call check(word == 6, "blocks of a launch")
    call pmx_free(address)
  end subroutine

  ! The even ranks, and sums and words of all ranks.
  subroutine teams()
    type(pmx_team_t) :: world, even
    integer(c_int64_t), pointer :: words(:)
    type(c_ptr) :: address
    integer :: i
    call pmx_team_world(world)
    call pmx_team_size(world, number)
    call check(number == size .and. world /= PMX_TEAM_NONE, "team_world")
    call pmx_team_shrink(world, even)
    call pmx_team_size(even, number)
    call check(number == size, "team_shrink")
    call pmx_team_free(even)
    call pmx_team_split_strided(world, 0_c_int, 2_c_int, (size + 1) / 2, even)
    call check((even /= PMX_TEAM_NONE) .eqv. (mod(rank, 2) == 0), "members of team_split_strided")
    if (even /= PMX_TEAM_NONE) then
      call pmx_team_translate(even, rank / 2, world, number)
      call check(number == rank, "team_translate")
      call pmx_team_sync(even)
      call pmx_team_free(even)
    end if
    call pmx_calloc(int(size + 2, c_size_t), 8_c_size_t, address)
    call c_f_pointer(address, words, [size + 2])
    words(1) = rank + 1
    call pmx_allreduce(world, words(2), words(1), 1_c_size_t, PMX_INT64, PMX_OP_SUM)
    call check(words(2) == size * (size + 1) / 2, "allreduce")
    call pmx_allgather(world, words(3), words(1), 8_c_size_t)
    call check(all(words(3:) == [(int(i, c_int64_t), i=1, size)]), "allgather")
    call pmx_broadcast(world, words(2), words(1), 8_c_size_t, size - 1)
    call check(words(2) == size, "broadcast")
    call pmx_team_barrier(world)
    call pmx_free(address)
  end subroutine

  subroutine jobs()
    character(PMX_UID_BYTES) :: uid
    integer(c_int) :: lost
    type(c_ptr) :: address
    call pmx_async_error(number, lost)
    call check(number == PMX_SUCCESS .and. lost == -1, "async_error")
    call pmx_async_error(number)
    call pmx_error_handler_set(c_null_funptr, c_null_ptr)
    call pmx_uid_create(uid)
    call check(uid(1:5) == "pmx1:", "uid_create gives "//uid)
    call pmx_init_uid(trim(uid), 0_c_int, 1_c_int, code)
    call expect(code, PMX_ERR_STATE, "init_uid when up")
    call pmx_register(c_null_ptr, 4096_c_size_t, address, code)
    call expect(code, PMX_ERR_ADDRESS, "register of no memory")
    call pmx_deregister(c_null_ptr, code)
    call expect(code, PMX_ERR_ADDRESS, "deregister of no memory")
  end subroutine

  subroutine refused()
    integer(c_int64_t), target :: outside
    type(pmx_gpu_info_t) :: gpu
    call pmx_put_nbi(PMX_CTX_DEFAULT, outside, outside, 8_c_size_t, rank, code)
    call expect(code, PMX_ERR_ADDRESS, "a variable that is not symmetric")
    call pmx_signal_set(PMX_CTX_DEFAULT, outside, 0_c_int64_t, size, code)
    call expect(code, PMX_ERR_RANK, "a rank that is not there")
    call pmx_gpu_query(gpu, code)
    call expect(code, PMX_ERR_UNSUPPORTED, "gpu_query without PMX_GPU")
    call pmx_init(code)
    call expect(code, PMX_ERR_STATE, "init when up")
  end subroutine
end program
