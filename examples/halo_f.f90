! SPDX-License-Identifier: BSD-3-Clause
! halo_f.f90: halo.c in Fortran. Heat in a plate, cut into strips of columns, one strip a rank. Before each step a rank
! puts its outer columns into the halo columns of its neighbours; the signal of a put says that the column is there.
!
!   mpirun -n 4 ./halo_f
!
! There is no barrier in the loop. A neighbour is at most one step ahead: it cannot begin a step before it has this
! rank's column of that step. So there are two halo columns on each side, used in turn.
!
! Each rank also computes the whole plate alone, and ends with 0 when its strip is the same, bit by bit, else with 1.
program halo_f
  use pmx
  implicit none
  integer, parameter :: n_rows = 32, n_columns = 16, n_steps = 50
  integer(c_size_t), parameter :: cell_bytes = 8, column_bytes = n_rows * cell_bytes
  integer, parameter :: from_left = 1, from_right = 2
  real(c_double), pointer :: cell(:, :)    ! (n_rows, n_columns)
  real(c_double), pointer :: halo(:, :, :) ! (n_rows, step modulo 2, from_left or from_right)
  integer(c_int64_t), pointer :: arrived(:) ! number of columns that have arrived, from_left and from_right
  type(c_ptr) :: cell_sym, halo_sym, arrived_sym
  integer(c_int) :: rank, size
  logical :: good

  call pmx_init()
  call pmx_rank(rank)
  call pmx_size(size)
  call pmx_malloc(column_bytes * n_columns, cell_sym)
  call pmx_malloc(column_bytes * 4, halo_sym)
  call pmx_calloc(2_c_size_t, 8_c_size_t, arrived_sym)
  call c_f_pointer(cell_sym, cell, [n_rows, n_columns])
  call c_f_pointer(halo_sym, halo, [n_rows, 2, 2])
  call c_f_pointer(arrived_sym, arrived, [2])

  cell = initial(rank * n_columns, n_columns)
  call run_strip()
  good = all(cell == whole_plate())
  print '(a,i0,a,i0,a,i0,2a)', "halo_f: rank ", rank, " of ", size, ": ", n_steps, " steps, ", &
      trim(merge("as computed alone", "wrong            ", good))

  call pmx_free(arrived_sym)
  call pmx_free(halo_sym)
  call pmx_free(cell_sym)
  call pmx_finalize()
  if (.not. good) error stop 1

contains

  ! Columns of the plate at the begin, from the one behind first.
  function initial(first, n) result(plate)
    integer, intent(in) :: first, n
    real(c_double) :: plate(n_rows, n)
    integer :: r, c
    do c = 1, n
      do r = 1, n_rows
        plate(r, c) = mod((first + c) * 31 + r * 17, 97)
      end do
    end do
  end function

  ! One step of a column. What lies outside of the plate is as the border.
  function relaxed(left, column, right) result(next)
    real(c_double), intent(in) :: left(n_rows), column(n_rows), right(n_rows)
    real(c_double) :: next(n_rows)
    integer :: r
    do r = 1, n_rows
      next(r) = 0.25_c_double * (left(r) + right(r) + column(max(r - 1, 1)) + column(min(r + 1, n_rows)))
    end do
  end function

  subroutine run_strip()
    real(c_double) :: next(n_rows, n_columns), left(n_rows), right(n_rows)
    integer :: step, slot, c
    do step = 1, n_steps
      slot = mod(step, 2) + 1
      if (rank > 0) call send_column(1, slot, from_right, rank - 1)
      if (rank < size - 1) call send_column(n_columns, slot, from_left, rank + 1)
      ! The inner columns need nobody: they are computed while the outer ones are on their way.
      do c = 2, n_columns - 1
        next(:, c) = relaxed(cell(:, c - 1), cell(:, c), cell(:, c + 1))
      end do
      left = cell(:, 1)
      right = cell(:, n_columns)
      if (rank > 0) call await_column(step, slot, from_left, rank - 1, left)
      if (rank < size - 1) call await_column(step, slot, from_right, rank + 1, right)
      next(:, 1) = relaxed(left, cell(:, 1), cell(:, 2))
      next(:, n_columns) = relaxed(cell(:, n_columns - 1), cell(:, n_columns), right)
      ! The columns that were sent may be overwritten now.
      call pmx_quiet(PMX_CTX_DEFAULT)
      cell = next
    end do
  end subroutine

  ! Puts my column into the halo of a neighbour, where it comes from the side said.
  subroutine send_column(column, slot, side, dst_rank)
    integer, intent(in) :: column, slot, side, dst_rank
    call pmx_put_signal_nbi(PMX_CTX_DEFAULT, halo(:, slot, side), cell(:, column), column_bytes, &
        arrived(side), 1_c_int64_t, PMX_SIGOP_ADD, dst_rank)
  end subroutine

  ! The halo column of this step, once it is there.
  subroutine await_column(step, slot, side, src_rank, column_out)
    integer, intent(in) :: step, slot, side, src_rank
    real(c_double), intent(out) :: column_out(n_rows)
    call pmx_signal_wait(PMX_CTX_DEFAULT, arrived(side), PMX_CMP_GE, int(step, c_int64_t), src_rank, 0_c_int64_t)
    column_out = halo(:, slot, side)
  end subroutine

  ! The same by one rank; gives the columns of this rank.
  function whole_plate() result(columns)
    real(c_double) :: columns(n_rows, n_columns)
    real(c_double), allocatable :: plate(:, :), next(:, :)
    integer :: step, c, n
    n = size * n_columns
    plate = initial(0, n)
    allocate (next(n_rows, n))
    do step = 1, n_steps
      do c = 1, n
        next(:, c) = relaxed(plate(:, max(c - 1, 1)), plate(:, c), plate(:, min(c + 1, n)))
      end do
      plate = next
    end do
    columns = plate(:, rank * n_columns + 1:(rank + 1) * n_columns)
  end function
end program
